// A convolution: checks its descriptor, and runs sequencer, array and output unit until the last
// word is written.
module conv_unit #(
    parameter int PIXELS = 4,
    parameter int OUTPUTS = 32,
    parameter int BANK_WORDS = 8192,
    parameter int WEIGHT_WORDS = 1024,
    parameter int TAPS = 512,
    parameter int THRESHOLD_BLOCKS = 64,
    parameter int RESIDUAL = 1,
    parameter int QUADS = PIXELS / 4,
    parameter int PASSES = 32 / OUTPUTS,
    parameter int BA = $clog2(BANK_WORDS),
    parameter int RA = $clog2(BANK_WORDS / QUADS),
    parameter int WA = $clog2(WEIGHT_WORDS * PASSES),
    parameter int TA = $clog2(TAPS),
    parameter int HA = $clog2(8 * THRESHOLD_BLOCKS)
) (
    input  logic            clk,
    input  logic            rst,
    input  logic            start,
    input  logic            stop,
    input  logic [   511:0] descriptor,        // with start
    output logic            busy,
    output logic            done,
    output logic            out_of_range,
    output logic [  TA-1:0] tap_address,
    input  logic [    47:0] tap,
    output logic [4*QUADS*RA-1:0] read_address,
    input  logic [64*PIXELS-1:0] read_words,
    output logic [  WA-1:0] weight_address,
    input  logic [32*OUTPUTS-1:0] weight_word,
    output logic [  HA-1:0] threshold_address,
    input  logic [   255:0] threshold_word,
    output logic [4*PASSES-1:0] write_enable,
    output logic [  BA-1:0] write_address,
    output logic [    63:0] write_word
);
  // ---- Fields: halves of 32-bit words, docs/formats/engine.md.
  logic [511:0] fields;
  wire [7:0] mode = fields[15:8];
  wire [15:0] digits = fields[31:16];
  wire [15:0] out_h = fields[79:64], out_w = fields[95:80];
  wire [15:0] in_h = fields[111:96], in_w = fields[127:112];
  wire [15:0] src_base = fields[143:128], src_row_step = fields[159:144];
  wire [15:0] src_block_step = fields[175:160], blocks = fields[191:176];
  wire [15:0] digit_step = fields[207:192], out_blocks = fields[223:208];
  wire [15:0] tap_base = fields[239:224], tap_count = fields[255:240];
  wire [15:0] dst_base = fields[271:256], dst_row_step = fields[287:272];
  wire [15:0] dst_block_step = fields[303:288], dst_plane_step = fields[319:304];
  wire [15:0] weight_base = fields[335:320], threshold_base = fields[351:336];
  // Constant where there are no residual maps, so that nothing is kept of them.
  localparam logic [15:0] Adds = {16{RESIDUAL != 0}};
  wire [15:0] residual_base = fields[431:416] & Adds, residual_row_step = fields[447:432] & Adds;
  wire [15:0] residual_block_step = fields[463:448] & Adds;
  wire [15:0] residual_blocks = fields[479:464] & Adds;

  // With the fields: what their checks add and compare.
  logic empty, bad_residual;
  logic [16:0] tap_end, threshold_end;
  always_ff @(posedge clk) begin
    empty <= descriptor[79:64] == 0 || descriptor[95:80] == 0 || descriptor[111:96] == 0 ||
             descriptor[127:112] == 0 || descriptor[191:176] == 0 || descriptor[31:16] == 0 ||
             descriptor[255:240] == 0 || descriptor[223:208] == 0;
    bad_residual <= (RESIDUAL == 0 || descriptor[15:8] == 8'd3) && descriptor[479:464] != 0;
    tap_end <= {1'b0, descriptor[239:224]} + {1'b0, descriptor[255:240]};
    threshold_end <= {1'b0, descriptor[351:336]} + {1'b0, descriptor[223:208]};
  end
  wire bad = empty || bad_residual || mode > 8'd3 || {15'd0, tap_end} > 32'(TAPS) ||
             {15'd0, threshold_end} > 32'(THRESHOLD_BLOCKS);

  // ---- Start: a clock for the fields, one for the checks. After a stop what is under way runs out.
  logic checking, begins, flushing, refused, read_beyond, write_beyond, finished;
  logic [4:0] flush;
  assign done = finished;
  assign out_of_range = refused || (read_beyond || write_beyond) && !flushing;
  always_ff @(posedge clk) begin
    checking <= start;
    begins <= checking && !bad;
    refused <= checking && bad;
    if (start) begin
      fields <= descriptor;
      busy <= 1'b1;
    end
    if (finished) busy <= 1'b0;
    if (stop && busy && !flushing) begin
      flushing <= 1'b1;
      flush <= '1;
    end
    if (flushing) begin
      flush <= flush - 5'd1;
      if (flush == 0) begin
        flushing <= 1'b0;
        busy <= 1'b0;
      end
    end
    if (rst) {busy, checking, begins, refused, flushing} <= '0;
  end

  wire halt = stop || flushing;
  logic valid, first, shift, last, residual, tile;
  logic [64*PIXELS-1:0] codes;
  logic [32*OUTPUTS-1:0] weights;
  logic [16*PIXELS*OUTPUTS-1:0] positive;
  logic [16*PIXELS-1:0] all;
  logic ended;
  assign finished = ended && !halt;

  sequencer #(
      .PIXELS(PIXELS), .OUTPUTS(OUTPUTS), .BANK_WORDS(BANK_WORDS), .WEIGHT_WORDS(WEIGHT_WORDS),
      .TAPS(TAPS), .RESIDUAL(RESIDUAL)
  ) steps (
      .clk, .rst, .start(begins), .stop(halt), .out_h, .out_w, .in_h, .in_w, .src_base,
      .src_row_step, .src_block_step, .digit_step, .blocks, .digits, .tap_base, .tap_count,
      .out_blocks, .weight_base, .raw(mode == 8'd3), .residual_base, .residual_row_step,
      .residual_block_step, .residual_blocks, .tap_address, .tap, .read_address, .read_words,
      .weight_address, .weight_word, .valid, .first, .shift, .last, .residual, .codes, .weights,
      .out_of_range(read_beyond)
  );
  mac_array #(.PIXELS(PIXELS), .OUTPUTS(OUTPUTS)) macs (
      .clk, .valid, .first, .shift, .last, .codes, .weights, .done(tile), .positive, .all
  );
  output_unit #(
      .PIXELS(PIXELS), .OUTPUTS(OUTPUTS), .BANK_WORDS(BANK_WORDS),
      .THRESHOLD_BLOCKS(THRESHOLD_BLOCKS), .RESIDUAL(RESIDUAL)
  ) results (
      .clk, .rst, .start(begins), .stop(halt), .mode, .out_h, .out_w, .out_blocks, .threshold_base,
      .dst_base, .dst_row_step, .dst_block_step, .dst_plane_step, .tile(tile && !halt), .positive,
      .all, .residual, .codes, .threshold_address, .threshold_word, .write_enable, .write_address,
      .write_word, .done(ended), .out_of_range(write_beyond)
  );
endmodule
