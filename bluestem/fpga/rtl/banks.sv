// The memory of maps: four banks, a bank a parity of (y, x), of words of 64 bits. All four are read
// at once, each at an address of its own; a word is read a clock after its address.
//
// With two QUADS a bank is two memories, of its even words and of its odd ones, so that two words
// that follow each other are read at once. With several PASSES a word is as many memories, each with
// an enable of its own.
module banks #(
    parameter int WORDS = 8192,  // of a bank
    parameter int QUADS = 1,
    parameter int PASSES = 1,
    parameter int BA = $clog2(WORDS),
    parameter int RA = $clog2(WORDS / QUADS)
) (
    input  logic                  clk,
    input  logic [  4*PASSES-1:0] write_enable,
    input  logic [        BA-1:0] write_address,
    input  logic [          63:0] write_word,
    input  logic [4*QUADS*RA-1:0] read_address,
    output logic [ 256*QUADS-1:0] read_words
);
  localparam int Width = 64 / PASSES;

  genvar i, k, p;
  generate
    for (i = 0; i < 4; i++) begin : bank
      for (k = 0; k < QUADS; k++) begin : parity
        wire ours = QUADS == 1 || write_address[0] == (k == 1);
        for (p = 0; p < PASSES; p++) begin : part
          ram #(.WIDTH(Width), .DEPTH(WORDS / QUADS)) words (
              .clk, .we(write_enable[PASSES*i+p] && ours), .waddr(write_address[BA-1:BA-RA]),
              .wdata(write_word[Width*p+:Width]), .raddr(read_address[(QUADS*i+k)*RA+:RA]),
              .rdata(read_words[64*(QUADS*i+k)+Width*p+:Width])
          );
        end
      end
    end
  endgenerate
endmodule
