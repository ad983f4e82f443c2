// Whether the two forms of dot32, the one that is simulated and the one that is synthesised, ever
// differ: tools/fpga_formal unrolls three clocks from any state and looks at the last.
module dot32_proof (
    input  logic        clk,
    input  logic [31:0] low,
    input  logic [31:0] high,
    input  logic [31:0] weights,
    output logic        differ
);
  logic [6:0] simulated, synthesised;
  dot32 one (.clk, .low, .high, .weights, .sum(simulated));
  dot32_adders other (.clk, .low, .high, .weights, .sum(synthesised));
  assign differ = simulated != synthesised;
endmodule
