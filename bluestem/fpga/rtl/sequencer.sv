// The steps of a convolution, one a clock: for each block of 32 outputs, each pass of OUTPUTS of
// them, each tile of pixels, each digit, each tap and each block of 32 inputs. A tile is a quad, 2x2
// pixels, or two side by side. A step reads a word of codes from each bank, two where a tile has two
// quads, and the pass's part of a word of weights; a pipeline makes their addresses, and turns what
// the banks gave into the pixels of the window, 0 outside the map. Where there is a residual map, a
// tile has one step more, its last: the pixels of that map at the tile's own place, which the array
// does not add. RESIDUAL = 0 leaves that step out.
//
// A tile takes as many clocks as steps, but at least one a pixel, in which the tile before leaves;
// the last one of a pass at least as many as the thresholds take to change, too; each at least those
// in which its accumulators leave as they are. The rest of them is idle.
module sequencer #(
    parameter int PIXELS = 4,
    parameter int OUTPUTS = 32,
    parameter int BANK_WORDS = 8192,
    parameter int WEIGHT_WORDS = 1024,
    parameter int TAPS = 512,
    parameter int RESIDUAL = 1,
    parameter int QUADS = PIXELS / 4,
    parameter int PASSES = 32 / OUTPUTS,
    parameter int BA = $clog2(BANK_WORDS / QUADS),
    parameter int WA = $clog2(WEIGHT_WORDS * PASSES),
    parameter int TA = $clog2(TAPS)
) (
    input  logic            clk,
    input  logic            rst,
    input  logic            start,
    input  logic            stop,
    // Fields of the descriptor; they stay while the convolution runs.
    input  logic [    15:0] out_h,
    input  logic [    15:0] out_w,
    input  logic [    15:0] in_h,
    input  logic [    15:0] in_w,
    input  logic [    15:0] src_base,
    input  logic [    15:0] src_row_step,
    input  logic [    15:0] src_block_step,
    input  logic [    15:0] digit_step,
    input  logic [    15:0] blocks,
    input  logic [    15:0] digits,
    input  logic [    15:0] tap_base,
    input  logic [    15:0] tap_count,
    input  logic [    15:0] out_blocks,
    input  logic [    15:0] weight_base,
    input  logic            raw,             // accumulators leave
    input  logic [    15:0] residual_base,
    input  logic [    15:0] residual_row_step,
    input  logic [    15:0] residual_block_step,
    input  logic [    15:0] residual_blocks,  // 0: no residual map
    // Memories: their word a clock after its address.
    output logic [  TA-1:0] tap_address,
    input  logic [    47:0] tap,             // {dx, dy, plane}
    // Of bank 2 * (y % 2) + x % 2; with two quads of its even words, then of its odd ones.
    output logic [4*QUADS*BA-1:0] read_address,
    input  logic [64*PIXELS-1:0] read_words,
    output logic [  WA-1:0] weight_address,
    input  logic [32*OUTPUTS-1:0] weight_word,
    // To the array.
    output logic            valid,
    output logic            first,
    output logic            shift,
    output logic            last,
    output logic            residual,        // codes are the residual map's
    output logic [64*PIXELS-1:0] codes,
    output logic [32*OUTPUTS-1:0] weights,
    output logic            out_of_range     // a step wanted a word beyond a memory
);
  localparam int Shift = $clog2(PIXELS / 2);  // a tile's columns
  // The least clocks of a tile, of the last one of a pass, of each that leaves as it is.
  localparam int Tile = PIXELS, Last = PIXELS + 2 + OUTPUTS / 4, Raw = PIXELS * OUTPUTS / 4;
  localparam int SB = $clog2(Last > Raw ? Last : Raw);

  // Adds, and keeps in bit 16 that a sum was once beyond 16 bits.
  function automatic [16:0] add(input [16:0] a, input [15:0] b);
    logic [16:0] sum;
    begin
      sum = {1'b0, a[15:0]} + {1'b0, b};
      add = {sum[16] | a[16], sum[15:0]};
    end
  endfunction

  // ---- Steps: counters run down to 0.
  logic running, idling, extra, at_first, at_shift;  // extra: the residual map's step
  logic [SB-1:0] spent;
  logic spent_tile, spent_last, spent_raw;  // but for this clock
  logic [15:0] block_left, tap_left, digit_left, x_left, y_left, group_left;
  logic [15:0] tile_x, tile_y, tap_index;
  logic [16:0] offset, digit_offset, weight, weight_first;
  logic [16:0] residual_offset;  // of this block of outputs
  logic [15:0] residual_left;    // blocks that the residual map has from this one on

  // Registered: whether a counter is at 0, and whether it begins there.
  logic last_block, last_tap, last_digit, last_x, last_y;
  logic one_block, one_tap, one_digit, one_x, one_y, has_residual;
  always_ff @(posedge clk) begin
    has_residual <= RESIDUAL != 0 && residual_blocks != 0;
    one_block <= blocks == 16'd1;
    one_tap <= tap_count == 16'd1;
    one_digit <= digits == 16'd1;
    one_x <= out_w <= 16'(PIXELS / 2);
    one_y <= out_h <= 16'd2;
  end

  wire work = running && !idling && !extra;
  wire end_taps = last_block;
  wire end_digit = end_taps && last_tap;
  wire end_work = end_digit && last_digit;
  wire end_row = last_x;
  wire end_map = end_row && last_y;
  wire end_steps = has_residual ? extra : end_work;
  wire end_tile = (idling || end_steps) && (raw ? spent_raw : end_map ? spent_last : spent_tile);
  wire [16:0] next_digit = add(digit_offset, digit_step);
  wire [16:0] next_weight = add(weight, 16'd1);

  // The pass, of 32 / OUTPUTS.
  localparam int PB = PASSES == 1 ? 1 : $clog2(PASSES);
  logic [PB-1:0] pass;
  wire last_pass = PASSES == 1 || pass == PB'(PASSES - 1);
  generate
    if (PASSES == 1) begin : whole
      assign pass = '0;
    end else begin : parts
      always_ff @(posedge clk) begin
        if (running && end_tile && end_map) pass <= pass + 1'b1;
        if (start) pass <= '0;
      end
    end
  endgenerate

  always_ff @(posedge clk) begin
    at_shift <= work && end_digit && !end_work;
    extra <= work && end_work && has_residual;
    if (work) begin
      at_first <= 1'b0;
      block_left <= end_taps ? blocks - 16'd1 : block_left - 16'd1;
      last_block <= end_taps ? one_block : block_left == 16'd1;
      offset <= end_taps ? digit_offset : add(offset, src_block_step);
      weight <= next_weight;
      if (end_taps) begin
        tap_left <= end_digit ? tap_count - 16'd1 : tap_left - 16'd1;
        last_tap <= end_digit ? one_tap : tap_left == 16'd1;
        tap_index <= end_digit ? tap_base : tap_index + 16'd1;
      end
      if (end_digit) begin
        digit_left <= end_work ? digits - 16'd1 : digit_left - 16'd1;
        last_digit <= end_work ? one_digit : digit_left == 16'd1;
        digit_offset <= end_work ? 17'd0 : next_digit;
        offset <= end_work ? 17'd0 : next_digit;
        weight <= weight_first;
        if (end_work && end_map && last_pass) begin
          weight <= next_weight;
          weight_first <= next_weight;
        end
      end
    end
    if (running) begin
      idling <= (idling || end_steps) && !end_tile;
      if (spent != '1) spent <= spent + 1'b1;
      if (spent == SB'(Tile - 2)) spent_tile <= 1'b1;
      if (spent == SB'(Last - 2)) spent_last <= 1'b1;
      if (spent == SB'(Raw - 2)) spent_raw <= 1'b1;
      if (end_tile) begin
        spent <= '0;
        {spent_tile, spent_last, spent_raw} <= '0;
        at_first <= 1'b1;
        tile_x <= end_row ? 16'd0 : tile_x + 16'd1;
        x_left <= end_row ? (out_w - 16'd1) >> Shift : x_left - 16'd1;
        last_x <= end_row ? one_x : x_left == 16'd1;
        if (end_row) begin
          tile_y <= end_map ? 16'd0 : tile_y + 16'd1;
          y_left <= end_map ? (out_h - 16'd1) >> 1 : y_left - 16'd1;
          last_y <= end_map ? one_y : y_left == 16'd1;
        end
        if (end_map && last_pass) begin
          group_left <= group_left - 16'd1;
          residual_offset <= add(residual_offset, residual_block_step);
          if (residual_left != 0) residual_left <= residual_left - 16'd1;
          if (group_left == 0) running <= 1'b0;
        end
      end
    end
    if (start) begin
      running <= 1'b1;
      idling <= 1'b0;
      at_first <= 1'b1;
      spent <= '0;
      {spent_tile, spent_last, spent_raw} <= '0;
      block_left <= blocks - 16'd1;
      tap_left <= tap_count - 16'd1;
      digit_left <= digits - 16'd1;
      x_left <= (out_w - 16'd1) >> Shift;
      y_left <= (out_h - 16'd1) >> 1;
      group_left <= out_blocks - 16'd1;
      {last_block, last_tap, last_digit} <= {one_block, one_tap, one_digit};
      {last_x, last_y} <= {one_x, one_y};
      tile_x <= '0;
      tile_y <= '0;
      tap_index <= tap_base;
      offset <= '0;
      digit_offset <= '0;
      weight <= {1'b0, weight_base};
      weight_first <= {1'b0, weight_base};
      residual_offset <= {1'b0, residual_base};
      residual_left <= residual_blocks;
    end
    if (rst || stop) running <= 1'b0;
  end

  assign tap_address = tap_index[TA-1:0];

  // ---- 1: the tap comes. 2: the window's first pixel. 3: rows, columns, what is inside.
  logic valid1, first1, shift1, last1;
  logic [16:0] base1, weight1, x1, y1;
  logic [17:0] base2;
  logic signed [18:0] y2, x2;
  logic [16:0] weight2, weight3;
  logic [17:0] base3;
  // The residual map's step: its four pixels have one address, and lie in a block of the map or not.
  logic has_block, residual1, residual2, own1, own2;
  logic [15:0] row3, column3, row_step3;
  logic odd_y3, odd_x3, in_y3, in_y3b;
  logic [2*QUADS-1:0] in_x2, in_x3;  // of the window's columns
  wire [47:0] tap1 = residual1 ? 48'd0 : tap;
  wire signed [18:0] next_y2 = y2 + 19'sd1;
  wire signed [18:0] next_x2 = x2 + 19'sd1;
  wire signed [18:0] height = {3'b0, in_h};
  wire signed [18:0] width = {3'b0, in_w};
  logic signed [18:0] last_row, last_column;
  always_ff @(posedge clk) begin
    has_block <= residual_left != 0;
    residual1 <= extra;
    own1 <= has_block;
    base1 <= extra ? residual_offset : add(offset, src_base);
    weight1 <= weight;
    y1 <= {tile_y, 1'b0};
    x1 <= {1'b0, tile_x} << Shift;
    residual2 <= residual1;
    own2 <= own1;
    base2 <= {2'b0, base1[15:0]} + {2'b0, tap1[15:0]} + (base1[16] ? 18'h20000 : 18'd0);
    y2 <= $signed({2'b0, y1}) + $signed({{3{tap1[31]}}, tap1[31:16]});
    x2 <= $signed({2'b0, x1}) + $signed({{3{tap1[47]}}, tap1[47:32]});
    weight2 <= weight1;
    base3 <= base2;
    weight3 <= weight2;
    row3 <= next_y2[16:1];
    column3 <= next_x2[16:1];
    odd_y3 <= y2[0];
    odd_x3 <= x2[0];
    row_step3 <= residual2 ? residual_row_step : src_row_step;
    in_y3 <= residual2 ? own2 : y2 >= 0 && y2 < height;
    // y2 + 1 is inside
    in_y3b <= residual2 ? own2 : (y2 >= 0 || y2 == -19'sd1) && y2 < last_row;
    in_x3 <= in_x2;
    last_row <= height - 19'sd1;
    last_column <= width - 19'sd1;
  end
  assign in_x2[0] = residual2 || (x2 >= 0 && x2 < width);
  assign in_x2[1] = residual2 || ((x2 >= 0 || x2 == -19'sd1) && x2 < last_column);
  generate
    if (QUADS == 2) begin : right
      // Of a residual map the right quad counts where it lies in the map.
      logic narrow, own_x1, own_x2;
      logic signed [18:0] width_less2, width_less3;
      always_ff @(posedge clk) begin
        narrow <= out_w[1:0] == 2'd1 || out_w[1:0] == 2'd2;
        own_x1 <= !(last_x && narrow);
        own_x2 <= own_x1;
        width_less2 <= width - 19'sd2;
        width_less3 <= width - 19'sd3;
      end
      assign in_x2[2] = residual2 ? own_x2 : x2 >= -19'sd2 && x2 < width_less2;
      assign in_x2[3] = residual2 ? own_x2 : x2 >= -19'sd3 && x2 < width_less3;
    end
  endgenerate

  // ---- 4: the row's product. 5: of both rows. 6: the rows' addresses. 7: the banks'.
  // Even rows lie in banks 0 and 1: where the window begins with an odd one they come a word later.
  logic [31:0] product4, even5, odd5;
  logic [17:0] base4, base5;
  logic [33:0] even6, odd6;
  logic [15:0] column4, even_x5, odd_x5, even_x6, odd_x6;
  logic [3:0] window4, window5, window6, window7, window8;  // odd y, odd x, inside: y, y+1
  logic [2*QUADS-1:0] columns4, columns5, columns6, columns7, columns8;  // inside
  logic [16:0] weight4, weight5, weight6, weight7;
  always_ff @(posedge clk) begin
    product4 <= row3 * row_step3;
    base4 <= base3;
    column4 <= column3;
    window4 <= {odd_y3, odd_x3, in_y3, in_y3b};
    columns4 <= in_x3;
    weight4 <= weight3;
    even5 <= product4;
    odd5 <= product4 - (window4[3] ? {16'd0, src_row_step} : 32'd0);
    base5 <= base4;
    even_x5 <= column4;
    odd_x5 <= column4 - {15'd0, window4[2]};
    window5 <= window4;
    weight5 <= weight4;
    even6 <= {2'd0, even5} + {16'd0, base5};
    odd6 <= {2'd0, odd5} + {16'd0, base5};
    even_x6 <= even_x5;
    odd_x6 <= odd_x5;
    window6 <= window5;
    weight6 <= weight5;
    weight7 <= weight6;
    window7 <= window6;
    window8 <= window7;
    columns5 <= columns4;
    columns6 <= columns5;
    columns7 <= columns6;
    columns8 <= columns7;
  end
  generate
    if (PASSES == 1) begin : words
      assign weight_address = weight7[WA-1:0];
    end else begin : word_parts
      logic [7*PB-1:0] passes;  // of the steps before: the last one is step 7's
      always_ff @(posedge clk) passes <= {passes[6*PB-1:0], pass};
      assign weight_address = {weight7[WA-PB-1:0], passes[7*PB-1:6*PB]};
    end
  endgenerate

  // Whether the pixel of bank (p, q) lies in the map: its row is the window's first where the
  // parities agree, else its second; so its column. The second quad's lies a word further.
  genvar p, q, k;
  logic [4*QUADS-1:0] beyond7;
  logic [3:0] odd7, odd8;  // the first quad's word
  generate
    for (p = 0; p < 2; p++) begin : row
      for (q = 0; q < 2; q++) begin : column
        wire in_y = (window6[3] == (p == 1)) ? window6[1] : window6[0];
        wire in_x = (window6[2] == (q == 1)) ? columns6[0] : columns6[1];
        wire [15:0] x6 = q == 1 ? odd_x6 : even_x6;
        if (QUADS == 1) begin : one
          wire [33:0] at = (p == 1 ? odd6 : even6) + {18'd0, x6};
          logic [BA-1:0] address7;
          always_ff @(posedge clk) begin
            address7 <= at[BA-1:0];
            beyond7[2*p+q] <= in_y && in_x && at >= 34'(BANK_WORDS);
          end
          assign read_address[(2*p+q)*BA+:BA] = address7;
          assign odd7[2*p+q] = 1'b0;
        end else begin : two
          // The window may begin left of the map, and its second quad lie in it.
          wire [33:0] at = (p == 1 ? odd6 : even6) + {{18{x6[15]}}, x6};
          wire [34:0] twice = {p == 1 ? odd6 : even6, 1'b1} + {{18{x6[15]}}, x6, 1'b1};
          wire [33:0] next = twice[34:1];  // at + 1, on one chain of carries
          wire in_next = (window6[2] == (q == 1)) ? columns6[2] : columns6[3];
          logic [BA-1:0] even_word7, odd_word7;
          logic first_odd7;
          always_ff @(posedge clk) begin
            even_word7 <= next[BA:1];
            odd_word7 <= at[BA:1];
            first_odd7 <= at[0];
            beyond7[2*p+q] <= in_y && in_x && at >= 34'(BANK_WORDS);
            beyond7[4+2*p+q] <= in_y && in_next && next >= 34'(BANK_WORDS);
          end
          assign read_address[(2*p+q)*2*BA+:2*BA] = {odd_word7, even_word7};
          assign odd7[2*p+q] = first_odd7;
        end
      end
    end
    if (QUADS == 1) begin : all_even
      assign odd8 = '0;
    end else begin : parities
      always_ff @(posedge clk) odd8 <= odd7;
    end
  endgenerate

  // ---- Flags beside the pipeline: bit 0 is step 2, the last one step 8.
  logic [6:0] valids, firsts, shifts, lasts, extras;
  always_ff @(posedge clk) begin
    valid1 <= work;
    first1 <= at_first;
    shift1 <= at_shift;
    last1 <= end_work;
    valids <= {valids[5:0], valid1};
    firsts <= {firsts[5:0], first1};
    shifts <= {shifts[5:0], shift1};
    lasts <= {lasts[5:0], last1};
    extras <= {extras[5:0], residual1};
    out_of_range <= ((valids[5] || extras[5]) && beyond7 != 0) ||
                    (valids[5] && {15'd0, weight7} >= 32'(WEIGHT_WORDS));
    if (rst || stop) begin
      valid1 <= 1'b0;
      {valids, extras} <= '0;
    end
  end

  // ---- 8: the memories' words. 9: pixels.
  always_ff @(posedge clk) begin
    valid <= valids[6] && !stop;
    residual <= extras[6] && !stop;
    first <= firsts[6];
    shift <= shifts[6];
    last <= lasts[6];
    weights <= weight_word;
  end
  // Pixel 4k + 2p + q: of quad k, row p, column q.
  generate
    for (k = 0; k < QUADS; k++) begin : quad
      for (p = 0; p < 2; p++) begin : line
        for (q = 0; q < 2; q++) begin : pixel
          wire in_map = window8[1-p] && columns8[2*k+q];
          wire [1:0] bank = {window8[3] ^ (p == 1), window8[2] ^ (q == 1)};
          wire [63:0] word;
          if (QUADS == 1) begin : one
            assign word = read_words[{bank, 6'd0}+:64];
          end else begin : two
            assign word = read_words[{bank, odd8[bank] ^ (k == 1), 6'd0}+:64];
          end
          always_ff @(posedge clk) codes[64*(4*k+2*p+q)+:64] <= in_map ? word : 64'd0;
        end
      end
    end
  endgenerate
endmodule
