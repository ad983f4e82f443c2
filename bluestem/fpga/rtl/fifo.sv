// A queue of words in registers; `count` says how many it holds.
module fifo #(
    parameter int WIDTH = 64,
    parameter int DEPTH = 8,
    parameter int ADDRESS = $clog2(DEPTH)
) (
    input  logic             clk,
    input  logic             rst,
    input  logic             push,  // not where it is full
    input  logic [WIDTH-1:0] in,
    input  logic             pop,   // not where it is empty
    output logic [WIDTH-1:0] out,   // the oldest
    output logic [ADDRESS:0] count
);
  logic [WIDTH-1:0] memory[0:DEPTH-1];
  logic [ADDRESS-1:0] head, tail;
  assign out = memory[head];

  always_ff @(posedge clk) begin
    if (push) begin
      memory[tail] <= in;
      tail <= tail + 1'b1;
    end
    if (pop) head <= head + 1'b1;
    count <= count + (ADDRESS + 1)'(push) - (ADDRESS + 1)'(pop);
    if (rst) begin
      head <= '0;
      tail <= '0;
      count <= '0;
    end
  end
`ifdef FORMAL
`include "formal/fifo.svh"
`endif
endmodule
