// Cuts a transfer of `beats` beats of 8 bytes from `address` into the bursts that AXI-3 allows: at
// most 16 beats, none over a boundary of 4 KB, and `OUTSTANDING` of them open at most. A burst
// stays until it is taken (valid until ready). docs/formats/engine.md, "Bus".
//
// Proved for every sequence of inputs: formal/burst_splitter.
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

  // Beats to the end of the page of 4 KB, 1 to 512; at most 16 matter.
  wire [9:0] room = 10'd512 - {1'b0, next[11:3]};
  wire [4:0] most = room < 10'd16 ? room[4:0] : 5'd16;
  wire [4:0] size = left < 29'(most) ? left[4:0] : most;
  wire       put = left != 0 && !stop && open < 3'(OUTSTANDING) && (!valid || ready);

  assign idle = left == 0 && open == 0;

  always_ff @(posedge clk) begin
    opened <= put;
    if (put) begin
      valid <= 1'b1;
      burst_address <= next;
      burst_beats <= size;
      next <= next + {24'd0, size, 3'd0};
      left <= left - 29'(size);
    end else begin
      if (ready) valid <= 1'b0;
      if (stop) left <= '0;
    end
    if (start) begin
      next <= address;
      left <= beats;
    end
    open <= open + 3'(put) - 3'(burst_end);
    if (rst) begin
      valid <= 1'b0;
      opened <= 1'b0;
      left <= '0;
      open <= '0;
    end
  end
endmodule
