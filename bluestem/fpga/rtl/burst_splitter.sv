// Cuts a transfer of `beats` beats of 8 bytes from `address` into the bursts that AXI-3 allows: at
// most 16 beats, none over a boundary of 4 KB, and `OUTSTANDING` of them open at most. A burst
// stays until it is taken (valid until ready). docs/formats/engine.md, "Bus".
//
// Proved for every sequence of inputs: formal/burst_splitter.svh.
module burst_splitter #(
    parameter int OUTSTANDING = 4
) (
    input  logic        clk,
    input  logic        rst,
    input  logic        start,      // takes address and beats; only while idle
    input  logic [31:0] address,
    input  logic [28:0] beats,
    input  logic        stop,       // no further burst
    input  logic        burst_end,  // the oldest open burst has ended
    output logic        valid,
    input  logic        ready,
    output logic [31:0] burst_address,
    output logic [ 4:0] burst_beats,
    output logic        opened,     // a burst was put up in the clock before: it will come
    output logic        idle        // nothing left, nothing open
);
  logic [31:0] next;
  logic [28:0] left;
  logic [ 2:0] open;

  // Registered, for the next burst: its size, whether beats are left, and whether below 64.
  logic [4:0] size;
  logic some, below64;
  // Of `next`: beats to the end of its 128 bytes; whether they are the page's last but one.
  logic [4:0] row_beats;
  logic row30;
  wire put = some && !stop && open < 3'(OUTSTANDING) && (!valid || ready);

  assign idle = !some && open == 0;

  // The beats of the burst behind that: 16, or what is left, or up to the end of the page. A burst
  // of less than 16 ends the page or the transfer, so that only one of 16 leads to a page's end.
  wire [28:0] rest = left - {24'd0, size};
  wire [5:0] rest_low = left[5:0] - {1'b0, size};  // rest where it is below 32
  wire rest_below32 = below64 && !rest_low[5];
  wire [31:0] then = next + {24'd0, size, 3'd0};
  wire [4:0] next_room = size[4] && row30 ? row_beats : 5'd16;
  // 16 - address[6:3], without a chain of carries.
  wire [4:0] first_beats = {
    address[6:3] == 0, address[6] ^ (address[5:3] != 0), address[5] ^ (address[4:3] != 0),
    address[4] ^ address[3], address[3]
  };
  wire [4:0] first_room = address[11:7] == 5'd31 ? first_beats : 5'd16;
  wire rest_less = rest_below32 && rest_low[4:0] < next_room;
  wire first_less = beats[28:5] == 0 && beats[4:0] < first_room;

  always_ff @(posedge clk) begin
    opened <= put;
    if (put) begin
      valid <= 1'b1;
      burst_address <= next;
      burst_beats <= size;
      next <= then;
      row30 <= then[11:7] == 5'd30;
      row_beats <= size[4] ? row_beats : 5'd16;
      left <= rest;
      some <= rest != 0;
      below64 <= rest[28:6] == 0;
      size <= rest_less ? rest_low[4:0] : next_room;
    end else begin
      if (ready) valid <= 1'b0;
      if (stop) some <= 1'b0;
    end
    if (start) begin
      next <= address;
      row30 <= address[11:7] == 5'd30;
      row_beats <= first_beats;
      left <= beats;
      some <= beats != 0;
      below64 <= beats[28:6] == 0;
      size <= first_less ? beats[4:0] : first_room;
    end
    open <= open + 3'(put) - 3'(burst_end);
    if (rst) begin
      valid <= 1'b0;
      opened <= 1'b0;
      some <= 1'b0;
      open <= '0;
    end
  end
`ifdef FORMAL
`include "formal/burst_splitter.svh"
`endif
endmodule
