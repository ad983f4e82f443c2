// A memory with a port to write and a port to read, one clock, `rdata` a clock after `raddr`. What
// is read in the clock in which it is written is not defined.
module ram #(
    parameter int WIDTH = 64,
    parameter int DEPTH = 512,
    parameter int ADDRESS = $clog2(DEPTH)
) (
    input  logic               clk,
    input  logic               we,
    input  logic [ADDRESS-1:0] waddr,
    input  logic [  WIDTH-1:0] wdata,
    input  logic [ADDRESS-1:0] raddr,
    output logic [  WIDTH-1:0] rdata
);
  (* no_rw_check *)
  logic [WIDTH-1:0] memory[0:DEPTH-1];

  always_ff @(posedge clk) begin
    if (we) memory[waddr] <= wdata;
    rdata <= memory[raddr];
  end
endmodule
