// The memory of weights: words of 1024 bits, 32 outputs by 32 inputs, which come in beats of 64, 8
// outputs by 8 inputs. A pass reads its OUTPUTS of them a clock after the address {word, pass}.
module weights #(
    parameter int OUTPUTS = 32,
    parameter int WORDS = 1024,
    parameter int PASSES = 32 / OUTPUTS,
    parameter int WA = $clog2(WORDS),
    parameter int RA = $clog2(WORDS * PASSES)
) (
    input  logic                  clk,
    input  logic [          15:0] write_enable,  // of the word's beats, one at a time
    input  logic [        WA-1:0] write_address,
    input  logic [          63:0] write_data,
    input  logic [        RA-1:0] read_address,
    output logic [32*OUTPUTS-1:0] read_word      // byte OUTPUTS * (input / 8) + output
);
  localparam int Beats = OUTPUTS / 8;  // of a pass, for 8 inputs

  genvar i, o;
  generate
    for (i = 0; i < 4; i++) begin : input_byte
      for (o = 0; o < Beats; o++) begin : beat
        wire we;
        wire [RA-1:0] waddr;
        if (PASSES == 1) begin : whole
          assign we = write_enable[4*i+o];
          assign waddr = write_address;
        end else begin : parts
          // The beat o of each pass.
          localparam int PB = RA - WA;
          logic any;
          logic [PB-1:0] pass;
          always_comb begin
            any = 1'b0;
            pass = '0;
            for (int p = 0; p < PASSES; p++) begin
              if (write_enable[4*i+Beats*p+o]) begin
                any = 1'b1;
                pass = PB'(p);
              end
            end
          end
          assign we = any;
          assign waddr = {write_address, pass};
        end
        ram #(.WIDTH(64), .DEPTH(WORDS * PASSES)) words (
            .clk, .we, .waddr, .wdata(write_data), .raddr(read_address),
            .rdata(read_word[64*(Beats*i+o)+:64])
        );
      end
    end
  endgenerate
endmodule
