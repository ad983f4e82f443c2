// The array: PIXELS times OUTPUTS, each a dot product of 32 channels and an accumulator. A step
// comes a clock; after the last step of a tile `done` stands for a clock beside the sums. Bit i % 8
// of a weight's byte is input i's.
//
// With P the sum of the codes under +1 and S the sum of all codes, an accumulator is 2P - S: P is
// kept for each output, S for each pixel. `shift` begins a digit: what was summed counts four-fold.
module mac_array #(
    parameter int PIXELS = 4,
    parameter int OUTPUTS = 32
) (
    input  logic                         clk,
    input  logic                         valid,
    input  logic                         first,
    input  logic                         shift,
    input  logic                         last,
    input  logic [        64*PIXELS-1:0] codes,     // a pixel: 64 bits, channel i at 2i+1..2i
    input  logic [       32*OUTPUTS-1:0] weights,   // byte OUTPUTS * (input / 8) + output
    output logic                         done,
    output logic [16*PIXELS*OUTPUTS-1:0] positive,  // P of pixel p, output o at 16 * (OUTPUTS p + o)
    output logic [        16*PIXELS-1:0] all        // S of pixel p at 16 p
);
  // Beside the two clocks of dot32.
  logic valid1, first1, shift1, last1, valid2, first2, shift2, last2;
  always_ff @(posedge clk) begin
    valid1 <= valid;
    first1 <= first;
    shift1 <= shift;
    last1 <= last;
    valid2 <= valid1;
    first2 <= first1;
    shift2 <= shift1;
    last2 <= last1;
    done <= valid2 && last2;
  end

  genvar o, p, i;
  generate
    for (p = 0; p < PIXELS; p++) begin : pixel
      logic [31:0] low, high;
      for (i = 0; i < 32; i++) begin : split
        assign low[i] = codes[64*p+2*i];
        assign high[i] = codes[64*p+2*i+1];
      end
      logic [ 6:0] sum_all;
      logic [15:0] total;
      dot32 everything (.clk, .low, .high, .weights('1), .sum(sum_all));
      always_ff @(posedge clk) begin
        if (valid2) total <= (first2 ? 16'd0 : shift2 ? total << 2 : total) + 16'(sum_all);
      end
      assign all[16*p+:16] = total;

      for (o = 0; o < OUTPUTS; o++) begin : lane
        logic [ 6:0] sum;
        logic [15:0] kept;
        dot32 dot (
            .clk, .low, .high,
            .weights({weights[8*(3*OUTPUTS+o)+:8], weights[8*(2*OUTPUTS+o)+:8],
                      weights[8*(OUTPUTS+o)+:8], weights[8*o+:8]}),
            .sum
        );
        always_ff @(posedge clk) begin
          if (valid2) kept <= (first2 ? 16'd0 : shift2 ? kept << 2 : kept) + 16'(sum);
        end
        assign positive[16*(OUTPUTS*p+o)+:16] = kept;
      end
    end
  endgenerate
endmodule
