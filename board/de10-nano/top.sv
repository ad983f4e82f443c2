// The DE10-Nano with the engine: one clock pin and the HPS's memory, nothing else. Not built in CI,
// not tried with Quartus: the names of `bluestem` are those that Platform Designer gives system.tcl.
module top (
    input  logic        FPGA_CLK1_50,
    output logic [14:0] HPS_DDR3_ADDR,
    output logic [ 2:0] HPS_DDR3_BA,
    output logic        HPS_DDR3_CAS_N,
    output logic        HPS_DDR3_CKE,
    output logic        HPS_DDR3_CK_N,
    output logic        HPS_DDR3_CK_P,
    output logic        HPS_DDR3_CS_N,
    output logic [ 3:0] HPS_DDR3_DM,
    inout  wire  [31:0] HPS_DDR3_DQ,
    inout  wire  [ 3:0] HPS_DDR3_DQS_N,
    inout  wire  [ 3:0] HPS_DDR3_DQS_P,
    output logic        HPS_DDR3_ODT,
    output logic        HPS_DDR3_RAS_N,
    output logic        HPS_DDR3_RESET_N,
    input  logic        HPS_DDR3_RZQ,
    output logic        HPS_DDR3_WE_N
);
  // Reset for 255 clocks after configuration; registers come up as 0.
  logic [7:0] age;
  wire ready = age == 8'hff;
  always_ff @(posedge FPGA_CLK1_50) if (!ready) age <= age + 8'd1;

  bluestem system (
      .clk_clk(FPGA_CLK1_50),
      .reset_reset_n(ready),
      .memory_mem_a(HPS_DDR3_ADDR),
      .memory_mem_ba(HPS_DDR3_BA),
      .memory_mem_cas_n(HPS_DDR3_CAS_N),
      .memory_mem_cke(HPS_DDR3_CKE),
      .memory_mem_ck_n(HPS_DDR3_CK_N),
      .memory_mem_ck(HPS_DDR3_CK_P),
      .memory_mem_cs_n(HPS_DDR3_CS_N),
      .memory_mem_dm(HPS_DDR3_DM),
      .memory_mem_dq(HPS_DDR3_DQ),
      .memory_mem_dqs_n(HPS_DDR3_DQS_N),
      .memory_mem_dqs(HPS_DDR3_DQS_P),
      .memory_mem_odt(HPS_DDR3_ODT),
      .memory_mem_ras_n(HPS_DDR3_RAS_N),
      .memory_mem_reset_n(HPS_DDR3_RESET_N),
      .memory_oct_rzqin(HPS_DDR3_RZQ),
      .memory_mem_we_n(HPS_DDR3_WE_N)
  );
endmodule
