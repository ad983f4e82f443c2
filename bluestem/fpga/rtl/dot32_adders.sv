// dot32 as it is synthesised: full adders that take two of their bits with a weight each, which is
// all that one ALM holds (5 inputs, 2 outputs), then adders of words.
//
// 32 codes = 6 groups of five and a pair. Five codes sum up to 15, so that every full adder of a
// group removes a bit and none is left over. A register cuts between the groups and the words.
// tools/fpga_formal proves the sum (formal/dot32.sv).
module dot32_adders (
    input  logic        clk,
    input  logic [31:0] low,
    input  logic [31:0] high,
    input  logic [31:0] weights,
    output logic [ 6:0] sum
);
  logic [27:0] words;  // 7 sums of 4 bits
  genvar g;
  generate
    for (g = 0; g < 6; g++) begin : group
      dot5 five (
          .low(low[5*g+:5]), .high(high[5*g+:5]), .weights(weights[5*g+:5]), .sum(words[4*g+:4])
      );
    end
  endgenerate
  dot2 pair (.low(low[31:30]), .high(high[31:30]), .weights(weights[31:30]), .sum(words[26:24]));
  assign words[27] = 1'b0;

  logic [27:0] cut;
  always_ff @(posedge clk) cut <= words;
  word_sum total (.clk, .words(cut), .sum);
endmodule

// The sum of seven words, the last one of at most 3 bits, with a register behind it.
module word_sum (
    input  logic        clk,
    input  logic [27:0] words,
    output logic [ 6:0] sum
);
  logic [4:0] a, b, c;
  logic [5:0] d, e;
  logic [6:0] all;
  word_adder #(.WIDTH(5)) ab (.a({1'b0, words[3:0]}), .b({1'b0, words[7:4]}), .sum(a));
  word_adder #(.WIDTH(5)) cd (.a({1'b0, words[11:8]}), .b({1'b0, words[15:12]}), .sum(b));
  word_adder #(.WIDTH(5)) ef (.a({1'b0, words[19:16]}), .b({1'b0, words[23:20]}), .sum(c));
  word_adder #(.WIDTH(6)) first (.a({1'b0, a}), .b({1'b0, b}), .sum(d));
  word_adder #(.WIDTH(6)) second (.a({1'b0, c}), .b({2'b0, words[27:24]}), .sum(e));
  word_adder #(.WIDTH(7)) total (.a({1'b0, d}), .b({1'b0, e}), .sum(all));
  always_ff @(posedge clk) sum <= all;
endmodule

// An adder on a chain of carries. Kept whole, or Yosys makes one sum of several, in tables.
(* keep_hierarchy *)
module word_adder #(
    parameter int WIDTH = 5
) (
    input  logic [WIDTH-1:0] a,
    input  logic [WIDTH-1:0] b,
    output logic [WIDTH-1:0] sum
);
  assign sum = a + b;
endmodule

// Five codes of 2 bits, each with its weight: 0 to 15.
module dot5 (
    input  logic [4:0] low,
    input  logic [4:0] high,
    input  logic [4:0] weights,
    output logic [3:0] sum
);
  wire one0, one1, one2, two0, two1;
  masked_adder low0 (.a(low[1:0]), .m(weights[1:0]), .c(low[4] & weights[4]), .s(one0), .k(one1));
  masked_adder low1 (.a(low[3:2]), .m(weights[3:2]), .c(one0), .s(sum[0]), .k(one2));
  wire two2, four0, four1, four2;
  masked_adder high0 (.a(high[1:0]), .m(weights[1:0]), .c(one1), .s(two0), .k(four0));
  masked_adder high1 (.a(high[3:2]), .m(weights[3:2]), .c(one2), .s(two1), .k(four1));
  masked_adder high2 (
      .a({high[4], two0}), .m({weights[4], 1'b1}), .c(two1), .s(two2), .k(four2)
  );
  assign sum[1] = two2;
  masked_adder fours (.a({four1, four0}), .m(2'b11), .c(four2), .s(sum[2]), .k(sum[3]));
endmodule

// Two codes, each with its weight: 0 to 6.
module dot2 (
    input  logic [1:0] low,
    input  logic [1:0] high,
    input  logic [1:0] weights,
    output logic [2:0] sum
);
  wire carry;
  masked_adder lows (.a(low), .m(weights), .c(1'b0), .s(sum[0]), .k(carry));
  masked_adder highs (.a(high), .m(weights), .c(carry), .s(sum[1]), .k(sum[2]));
endmodule

// A full adder of two masked bits and a plain one: an ALM. Kept whole, so that no optimisation
// takes it apart.
(* keep_hierarchy *)
module masked_adder (
    input  logic [1:0] a,
    input  logic [1:0] m,
    input  logic       c,
    output logic       s,
    output logic       k
);
  wire [1:0] x = a & m;
  assign s = x[0] ^ x[1] ^ c;
  assign k = (x[0] & x[1]) | (c & (x[0] ^ x[1]));
endmodule
