// A memory with a port to write and a port to read, one clock, `rdata` a clock after `raddr`. What
// is read in the clock in which it is written is not defined.
//
// A deep one is made of parts of 2,048 words with a multiplexer behind them: an M10K holds 2,048
// words of 5 bits, but only 8,192 of one, so that a deeper part would leave a fifth of it unused.
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
  localparam int Parts = (DEPTH + 2047) / 2048;

  genvar i;
  generate
    if (Parts == 1) begin : single
      (* no_rw_check *)
      logic [WIDTH-1:0] memory[0:DEPTH-1];
      always_ff @(posedge clk) begin
        if (we) memory[waddr] <= wdata;
        rdata <= memory[raddr];
      end
    end else begin : several
      logic [Parts*WIDTH-1:0] given;
      logic [ADDRESS-12:0] part;
      always_ff @(posedge clk) part <= raddr[ADDRESS-1:11];
      assign rdata = given[part*WIDTH+:WIDTH];
      for (i = 0; i < Parts; i++) begin : part_of
        ram #(.WIDTH(WIDTH), .DEPTH(2048)) words_of (
            .clk, .we(we && waddr[ADDRESS-1:11] == i), .waddr(waddr[10:0]), .wdata,
            .raddr(raddr[10:0]), .rdata(given[i*WIDTH+:WIDTH])
        );
      end
    end
  endgenerate
endmodule
