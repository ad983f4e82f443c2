// The sum of the codes under +1 of one pixel and one output: 32 codes of 2 bits (all low bits, all
// high bits), 32 weights, two clocks.
module dot32 (
    input  logic        clk,
    input  logic [31:0] low,
    input  logic [31:0] high,
    input  logic [31:0] weights,
    output logic [ 6:0] sum
);
`ifdef BLUESTEM_FULL_ADDERS
  dot32_adders adders (.clk, .low, .high, .weights, .sum);
`else
  // The same, and faster to simulate: tools/fpga_formal proves them equal.
  logic [5:0] ones, twos;
  always_ff @(posedge clk) begin
    ones <= 6'($countones(low & weights));
    twos <= 6'($countones(high & weights));
    sum <= 7'(ones) + {twos, 1'b0};
  end
`endif
endmodule
