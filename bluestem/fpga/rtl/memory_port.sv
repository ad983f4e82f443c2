// What moves between memory and the engine's memories: weights, thresholds, taps and maps. It
// checks a descriptor first, then runs it; what it finds wrong, or the bus does, ends it.
module memory_port #(
    parameter int BANK_WORDS = 8192,
    parameter int WEIGHT_WORDS = 1024,
    parameter int TAPS = 512,
    parameter int THRESHOLD_BLOCKS = 64,
    parameter int BA = $clog2(BANK_WORDS),
    parameter int WA = $clog2(WEIGHT_WORDS),
    parameter int TA = $clog2(TAPS),
    parameter int HA = $clog2(8 * THRESHOLD_BLOCKS)
) (
    input  logic          clk,
    input  logic          rst,
    input  logic          start,
    input  logic          stop,
    // Fields of the descriptor; they stay while it runs.
    input  logic [   7:0] opcode,
    input  logic [  31:0] address,
    input  logic [  31:0] length,
    input  logic [  15:0] dst_base,
    input  logic [  15:0] src_base,
    input  logic [  15:0] row_step,
    input  logic [  15:0] block_step,
    input  logic [  15:0] blocks,
    input  logic [  15:0] in_h,
    input  logic [  15:0] in_w,
    input  logic [  31:0] buffer_address,
    input  logic [  31:0] buffer_bytes,
    output logic          busy,
    output logic          done,
    output logic [   3:0] error,              // with done: 0, or a status
    // The masters. Reading is asked for until it is granted, and runs while `read_runs`.
    output logic [  31:0] bus_address,
    output logic [  28:0] bus_beats,
    output logic          read_request,
    input  logic          read_granted,
    input  logic          read_runs,
    input  logic          read_error,
    input  logic          read_valid,
    input  logic [  63:0] read_data,
    output logic          write_start,
    input  logic          write_runs,
    input  logic          write_error,
    output logic          bus_stop,
    output logic          write_valid,
    input  logic          write_ready,
    output logic [  63:0] write_data,
    // Memories: what is loaded, and banks that are read.
    output logic [  63:0] load_data,
    output logic [  15:0] weight_enable,      // of the word's 16 beats
    output logic [WA-1:0] weight_address,
    output logic [   3:0] threshold_enable,   // of the word's 4 outputs
    output logic [HA-1:0] threshold_address,
    output logic          tap_enable,
    output logic [TA-1:0] tap_address,
    output logic [   3:0] bank_enable,
    output logic [BA-1:0] bank_address,
    input  logic [ 255:0] bank_words
);
  localparam logic [7:0] LoadWeights = 8'd2, LoadThresholds = 8'd3, LoadTaps = 8'd4, StoreMap = 8'd6;
  localparam logic [3:0] BadAddress = 4'd4, BadRange = 4'd5, BusError = 4'd6;

  typedef enum logic [2:0] {Idle, Extent, Words, Bytes, Check, Wait, Run, Leave} state_t;
  state_t state;
  assign busy = state != Idle;

  // What it is, from the clock after `start` on.
  logic weights, thresholds, taps, stores, map;
  always_ff @(posedge clk) begin
    weights <= opcode == LoadWeights;
    thresholds <= opcode == LoadThresholds;
    taps <= opcode == LoadTaps;
    stores <= opcode == StoreMap;
    map <= opcode != LoadWeights && opcode != LoadThresholds && opcode != LoadTaps;
  end
  wire running = state == Run;

  // ---- Checks, a clock each: pixels, words, the byte after the last.
  logic [31:0] pixels, words_low, words_high;
  logic [47:0] words;
  logic [51:0] bytes_end;
  logic [32:0] unit_end;
  logic [32:0] room;
  logic empty, over;
  wire bad_address = address[2:0] != 0 || bytes_end[51:32] != 0 ||
                     bytes_end[31:0] > buffer_bytes;
  wire bad_range = map ? empty : over;

  // ---- The place in the banks, [block][y][x].
  function automatic [16:0] add(input [16:0] a, input [15:0] b);
    logic [16:0] sum;
    begin
      sum = {1'b0, a[15:0]} + {1'b0, b};
      add = {sum[16] | a[16], sum[15:0]};
    end
  endfunction
  logic [15:0] x_left, y_left;
  logic odd_x, odd_y;
  logic [16:0] place, row, block_row;
  wire beyond = map && {15'd0, place} >= 32'(BANK_WORDS);
  wire [16:0] next_row = odd_y ? add(row, row_step) : row;
  wire [16:0] next_block = add(block_row, block_step);
  wire [1:0] bank = {odd_y, odd_x};

  logic failing;
  logic [28:0] left;  // words of a store to be read from the banks
  logic [3:0] waiting;  // words of it on their way to the bus: as many as the queue holds, at most
  wire loaded = running && !stores && read_valid && !failing;
  wire wanted = running && stores && left != 0 && waiting != 4'd8 && !failing;
  wire step = (loaded && map) || wanted;
  wire misplaced = step && beyond;
  wire bus_fails = running && (stores ? write_error : read_error);

  assign read_request = state == Wait && !stores;
  always_ff @(posedge clk) begin
    pixels <= in_h * in_w;
    words <= weights ? {12'd0, length, 4'd0} : thresholds ? {11'd0, length, 5'd0} :
             taps ? {16'd0, length} : {16'd0, words_low} + {words_high, 16'd0};
    words_low <= pixels[15:0] * blocks;
    words_high <= pixels[31:16] * blocks;
    bytes_end <= {1'b0, words, 3'd0} + {20'd0, address};
    unit_end <= {17'd0, dst_base} + {1'b0, length};
    room <= weights ? 33'(WEIGHT_WORDS) : thresholds ? 33'(THRESHOLD_BLOCKS) : 33'(TAPS);
    over <= unit_end > room;
    empty <= blocks == 0 || in_h == 0 || in_w == 0;
    bus_address <= buffer_address + address;
    done <= 1'b0;
    write_start <= 1'b0;
    bus_stop <= failing && running;
    case (state)
      Idle: if (start) state <= Extent;
      Extent: state <= Words;
      Words: state <= Bytes;
      Bytes: state <= Check;
      Check: begin
        failing <= 1'b0;
        error <= bad_address ? BadAddress : bad_range ? BadRange : 4'd0;
        bus_beats <= words[28:0];
        left <= words[28:0];
        write_start <= stores && !bad_address && !bad_range;
        state <= bad_address || bad_range ? Leave : Wait;
      end
      Wait: if (stores || read_granted) state <= Run;
      Run: begin
        if (wanted) left <= left - 29'd1;
        if (misplaced || bus_fails || stop) failing <= 1'b1;
        if (error == 4'd0) error <= misplaced ? BadRange : bus_fails ? BusError : 4'd0;
        if (!(stores ? write_runs : read_runs)) state <= Leave;
      end
      Leave: begin
        done <= 1'b1;
        state <= Idle;
      end
      default: state <= Idle;
    endcase
    if (rst) begin
      state <= Idle;
      failing <= 1'b0;
    end
  end

  always_ff @(posedge clk) begin
    if (start) begin
      x_left <= in_w - 16'd1;
      y_left <= in_h - 16'd1;
      place <= {1'b0, src_base};
      {odd_y, odd_x} <= 2'b00;
      row <= {1'b0, src_base};
      block_row <= {1'b0, src_base};
    end else if (step) begin
      odd_x <= !odd_x;
      place <= add(place, {15'd0, odd_x});
      x_left <= x_left - 16'd1;
      if (x_left == 0) begin
        odd_x <= 1'b0;
        x_left <= in_w - 16'd1;
        odd_y <= !odd_y;
        row <= next_row;
        place <= next_row;
        y_left <= y_left - 16'd1;
        if (y_left == 0) begin
          odd_y <= 1'b0;
          row <= next_block;
          place <= next_block;
          block_row <= next_block;
          y_left <= in_h - 16'd1;
        end
      end
    end
  end

  // ---- What is loaded goes on in the next clock.
  logic [28:0] beat;
  always_ff @(posedge clk) begin
    load_data <= read_data;
    if (start) beat <= '0;
    else if (loaded) beat <= beat + 29'd1;
    for (int i = 0; i < 16; i++) weight_enable[i] <= loaded && weights && beat[3:0] == 4'(i);
    for (int i = 0; i < 4; i++) begin
      threshold_enable[i] <= loaded && thresholds && beat[1:0] == 2'(i);
      bank_enable[i] <= loaded && map && !beyond && bank == 2'(i);
    end
    tap_enable <= loaded && taps;
    weight_address <= dst_base[WA-1:0] + beat[WA+3:4];
    threshold_address <= {dst_base[HA-4:0], 3'd0} + beat[HA+1:2];
    tap_address <= dst_base[TA-1:0] + beat[TA-1:0];
    bank_address <= place[BA-1:0];
  end

  // ---- What is stored comes from the banks two clocks later, and waits for the bus.
  logic [1:0] fetched;
  logic [3:0] count;
  logic [1:0] bank1, bank2;
  wire pop = write_valid && write_ready;
  always_ff @(posedge clk) begin
    fetched <= {fetched[0], wanted && !beyond};
    {bank2, bank1} <= {bank1, bank};
    waiting <= waiting + 4'(wanted && !beyond) - 4'(pop);
    if (rst || start) begin
      fetched <= '0;
      waiting <= '0;
    end
  end
  fifo #(.WIDTH(64), .DEPTH(8)) stored (
      .clk, .rst(rst || start), .push(fetched[1]), .in(bank_words[{bank2, 6'd0}+:64]),
      .pop, .out(write_data), .count
  );
  assign write_valid = count != 0;
endmodule
