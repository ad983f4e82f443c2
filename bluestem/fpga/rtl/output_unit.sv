// What a tile's sums become: the code of each of its PIXELS x OUTPUTS accumulators by three
// thresholds, a pixel a clock; then of each quad, 2x2 pixels, a word a pixel, the greatest of the
// four (2x2 pooling), or a word in each of four planes (space-to-depth), in the bank and at the
// address where it belongs. Or the accumulators themselves (raw), 16 bits each: a word for 4 outputs,
// a clock each, in 8 planes. Of 32 outputs each pass writes its part: some of a word, or of the planes.
//
// With a residual map's code c and the output's ratio r, an accumulator is 2P - S + r c. The codes
// come a clock behind the tile's last step, two before its sums; without such a map they are 0.
// RESIDUAL = 0 leaves codes, ratios and the adder out.
module output_unit #(
    parameter int PIXELS = 4,
    parameter int OUTPUTS = 32,
    parameter int BANK_WORDS = 8192,
    parameter int THRESHOLD_BLOCKS = 64,
    parameter int RESIDUAL = 1,
    parameter int PASSES = 32 / OUTPUTS,
    parameter int BA = $clog2(BANK_WORDS),
    parameter int HA = $clog2(8 * THRESHOLD_BLOCKS)
) (
    input  logic          clk,
    input  logic          rst,
    input  logic          start,
    input  logic          stop,
    input  logic [   7:0] mode,  // 0 plain, 1 pooled, 2 space-to-depth, 3 raw
    input  logic [  15:0] out_h,
    input  logic [  15:0] out_w,
    input  logic [  15:0] out_blocks,
    input  logic [  15:0] threshold_base,
    input  logic [  15:0] dst_base,
    input  logic [  15:0] dst_row_step,
    input  logic [  15:0] dst_block_step,
    input  logic [  15:0] dst_plane_step,
    // From the array.
    input  logic          tile,
    input  logic [16*PIXELS*OUTPUTS-1:0] positive,
    input  logic [16*PIXELS-1:0] all,
    // From the sequencer: with `residual` the residual map's pixels.
    input  logic          residual,
    input  logic [64*PIXELS-1:0] codes,
    // Thresholds: 4 outputs a word, {ratio, rises, t2, t1, t0} each; the word a clock after its
    // address.
    output logic [HA-1:0] threshold_address,
    input  logic [ 255:0] threshold_word,
    // To the banks.
    output logic [4*PASSES-1:0] write_enable,  // PASSES parts of a word, in each of four banks
    output logic [BA-1:0] write_address,
    output logic [  63:0] write_word,
    output logic          done,
    output logic          out_of_range
);
  function automatic [16:0] add(input [16:0] a, input [15:0] b);
    logic [16:0] sum;
    begin
      sum = {1'b0, a[15:0]} + {1'b0, b};
      add = {sum[16] | a[16], sum[15:0]};
    end
  endfunction

  // ---- A tile's sums, the pixel that is due at the bottom.
  wire raw = mode == 8'd3;
  localparam int Shift = $clog2(PIXELS / 2);  // a tile's columns
  logic [16*PIXELS-1:0] all_due;
  logic due;
  logic [$clog2(PIXELS)-1:0] pixel;
  localparam int PW = $clog2(OUTPUTS / 4);
  logic [PW-1:0] part;  // of a raw pixel: 4 outputs
  wire end_pixel = !raw || &part;
  wire end_quad = pixel[1:0] == 2'd3 && end_pixel;
  wire last_pixel = &pixel && end_pixel;
  always_ff @(posedge clk) begin
    if (tile) begin
      due <= 1'b1;
      pixel <= '0;
      part <= '0;
    end else if (due) begin
      due <= !last_pixel;
      part <= part + 1'b1;
      if (end_pixel) pixel <= pixel + 1'b1;
    end
    if (tile) all_due <= all;
    else if (end_pixel) all_due <= all_due >> 16;
    if (rst || stop) due <= 1'b0;
  end

  // ---- The tile's place: counters of tiles, in the order in which the sequencer makes them.
  logic [15:0] tile_x, tile_y, x_left, y_left, group_left;
  logic [16:0] row, group_row;  // words from 0: of this row of tiles, and of its block of outputs
  logic [16:0] plane;           // of this pixel's plane, or of this part's
  logic [16:0] plane_first;     // raw: of the pass's first part
  wire end_row = x_left == 0;
  wire end_map = end_row && y_left == 0;
  wire leave = due && last_pixel;
  wire shrinks = mode == 8'd1 || mode == 8'd2;
  wire planes = mode[1];  // space-to-depth, raw
  wire [16:0] next_group = add(group_row, dst_block_step);
  wire [16:0] next_plane = add(plane, dst_plane_step);

  // The pass, of 32 / OUTPUTS; it changes when the last pixel of a pass is due.
  localparam int PB = PASSES == 1 ? 1 : $clog2(PASSES);
  logic [PB-1:0] pass;
  wire last_pass = PASSES == 1 || pass == PB'(PASSES - 1);
  generate
    if (PASSES == 1) begin : whole
      assign pass = '0;
      assign plane_first = '0;
    end else begin : parts
      logic [16:0] first;  // of this pass
      always_ff @(posedge clk) begin
        if (leave && end_map) begin
          pass <= pass + 1'b1;
          first <= plane_first;
        end
        if (start) begin
          pass <= '0;
          first <= '0;
        end
      end
      assign plane_first = !(leave && end_map) ? first : !raw || last_pass ? 17'd0 : next_plane;
    end
  endgenerate

  always_ff @(posedge clk) begin
    if (due) plane <= end_quad || (raw && end_pixel) ? plane_first : next_plane;
    if (leave) begin
      tile_x <= end_row ? 16'd0 : tile_x + 16'd1;
      x_left <= end_row ? (out_w - 16'd1) >> Shift : x_left - 16'd1;
      if (end_row) begin
        tile_y <= end_map ? 16'd0 : tile_y + 16'd1;
        y_left <= end_map ? (out_h - 16'd1) >> 1 : y_left - 16'd1;
        // A row of words: each row of tiles, or each second one where the map is halved.
        if (!shrinks || tile_y[0]) row <= add(row, dst_row_step);
      end
      if (end_map) row <= last_pass ? next_group : group_row;
      if (end_map && last_pass) begin
        group_row <= next_group;
        group_left <= group_left - 16'd1;
      end
    end
    if (start) begin
      tile_x <= '0;
      tile_y <= '0;
      x_left <= (out_w - 16'd1) >> Shift;
      y_left <= (out_h - 16'd1) >> 1;
      group_left <= out_blocks - 16'd1;
      row <= {1'b0, dst_base};
      group_row <= {1'b0, dst_base};
      plane <= '0;
    end
  end

  // ---- 1: the accumulator. 2: compared. 3: the code. Beside it the place.
  logic due1, due2, due3, first1, first2, first3, last1, last2, last3, end1, end2, end3;
  logic inside1, inside2, inside3;
  logic [1:0] bank1, bank2, bank3;
  logic [18:0] at1, at2;
  logic [BA-1:0] at3;
  logic beyond3;
  wire [15:0] quad_x;
  generate
    if (PIXELS == 4) begin : one
      assign quad_x = tile_x;
    end else begin : two
      assign quad_x = {tile_x[14:0], pixel[2]};
    end
  endgenerate
  wire [16:0] y = {tile_y, pixel[1]};
  wire [16:0] x = {quad_x, pixel[0]};
  // Pooled, all four must lie in the map; the last of them says so.
  wire in_map = y < {1'b0, out_h} && x < {1'b0, out_w};
  wire [1:0] bank = shrinks ? {tile_y[0], quad_x[0]} : pixel[1:0];
  wire [15:0] column = shrinks ? quad_x >> 1 : quad_x;
  always_ff @(posedge clk) begin
    {due3, due2, due1} <= {due2, due1, due};
    {first3, first2, first1} <= {first2, first1, pixel[1:0] == 2'd0};
    {last3, last2, last1} <= {last2, last1, end_quad};
    {end3, end2, end1} <= {end2, end1, leave && end_map && last_pass && group_left == 0};
    {inside3, inside2, inside1} <= {inside2, inside1, in_map};
    {bank3, bank2, bank1} <= {bank2, bank1, bank};
    at1 <= {3'd0, row[15:0]} + (planes ? {3'd0, plane[15:0]} : 19'd0) + {3'd0, column} +
           (row[16] || (planes && plane[16]) ? 19'h40000 : 19'd0);
    at2 <= at1;
    at3 <= at2[BA-1:0];
    beyond3 <= at2 >= 19'(BANK_WORDS);
    if (rst || stop) {due3, due2, due1} <= '0;
  end

  // ---- Thresholds of a pass, which shift in from a memory of 4 outputs a word: when the convolution
  // starts, and when the last pixel of a pass is due: the first one of the next needs its ratio two
  // clocks before its thresholds.
  logic [HA:0] block_address;
  logic [3:0] words_left;
  logic [64*OUTPUTS-1:0] thresholds;
  logic word_comes;
  assign threshold_address = block_address[HA-1:0];
  always_ff @(posedge clk) begin
    word_comes <= words_left != 0;
    if (word_comes) thresholds <= {threshold_word, thresholds[64*OUTPUTS-1:256]};
    if (words_left != 0) begin
      words_left <= words_left - 4'd1;
      block_address <= block_address + 1'b1;
    end
    if (leave && end_map) words_left <= 4'(OUTPUTS / 4);
    if (start) begin
      block_address <= {1'b0, threshold_base[HA-4:0], 3'd0};
      words_left <= 4'(OUTPUTS / 4);
    end
    if (rst) begin
      words_left <= '0;
      word_comes <= 1'b0;
    end
  end

  // The residual map's codes, the pixel that is due in two clocks at the bottom.
  logic [2*OUTPUTS-1:0] residual_next;  // due in a clock
  generate
    if (RESIDUAL != 0) begin : adds
      logic [64*PIXELS-1:0] residuals;
      always_ff @(posedge clk) begin
        residuals <= residual ? codes : residuals >> 64;
        residual_next <= residuals[2*OUTPUTS*pass+:2*OUTPUTS];
      end
    end else begin : adds_none
      assign residual_next = '0;
    end
  endgenerate

  // Raw: the accumulators of a part.
  logic [16*OUTPUTS-1:0] accumulators1;
  logic [63:0] part2, part3;
  logic [PW-1:0] part1;
  always_ff @(posedge clk) begin
    part1 <= part;
    part2 <= accumulators1[{part1, 6'd0}+:64];
    part3 <= part2;
  end

  logic [2*OUTPUTS-1:0] codes3;  // what leaves where codes do
  genvar o, n;
  generate
    for (o = 0; o < OUTPUTS; o++) begin : lane
      // P of the pixels.
      logic [16*PIXELS-1:0] sums, given;
      for (n = 0; n < PIXELS; n++) begin : of_pixel
        assign given[16*n+:16] = positive[16*(OUTPUTS*n+o)+:16];
      end
      logic signed [16:0] addend, accumulator1;
      logic [2:0] reached2;
      logic [1:0] code3, greatest;
      wire [63:0] own = thresholds[64*o+:64];
      wire signed [16:0] t0 = {own[15], own[15:0]};
      wire signed [16:0] t1 = {own[31], own[31:16]};
      wire signed [16:0] t2 = {own[47], own[47:32]};
      wire rises = own[48];
      wire signed [16:0] ratio = {{2{own[63]}}, own[63:49]};
      wire [1:0] code = residual_next[2*o+:2];
      always_ff @(posedge clk) begin
        if (tile) sums <= given;
        else if (end_pixel) sums <= sums >> 16;
        addend <= (code[0] ? ratio : 17'sd0) + (code[1] ? ratio <<< 1 : 17'sd0);
        accumulator1 <= $signed({sums[15:0], 1'b0}) - $signed({1'b0, all_due[15:0]}) + addend;
        reached2 <= rises ? {accumulator1 >= t2, accumulator1 >= t1, accumulator1 >= t0}
                          : {accumulator1 <= t2, accumulator1 <= t1, accumulator1 <= t0};
        code3 <= 2'(reached2[0]) + 2'(reached2[1]) + 2'(reached2[2]);
        // The greatest so far of the tile.
        if (due3) greatest <= first3 || code3 > greatest ? code3 : greatest;
      end
      assign accumulators1[16*o+:16] = accumulator1[15:0];
      wire [1:0] best = first3 || code3 > greatest ? code3 : greatest;
      assign codes3[2*o+:2] = mode == 8'd1 ? best : code3;
    end
  endgenerate

  // ---- 4: written.
  logic [PB-1:0] pass1, pass2, pass3;
  generate
    if (PASSES == 1) begin : always_whole
      assign {pass3, pass2, pass1} = '0;
    end else begin : delayed
      always_ff @(posedge clk) {pass3, pass2, pass1} <= {pass2, pass1, pass};
    end
  endgenerate
  wire writes = due3 && inside3 && (mode != 8'd1 || last3);
  always_ff @(posedge clk) begin
    for (int i = 0; i < 4; i++) begin
      for (int p = 0; p < PASSES; p++) begin
        write_enable[PASSES*i+p] <= writes && !beyond3 && !stop && bank3 == 2'(i) &&
                                    (raw || pass3 == PB'(p));
      end
    end
    write_word <= raw ? part3 : {PASSES{codes3}};
    write_address <= at3;
    out_of_range <= writes && beyond3;
    done <= due3 && end3;
    if (rst) begin
      write_enable <= '0;
      done <= 1'b0;
      out_of_range <= 1'b0;
    end
  end
endmodule
