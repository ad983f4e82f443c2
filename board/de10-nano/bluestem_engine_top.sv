// The engine (bluestem/fpga/rtl/engine.sv) with the whole of its buses, as Platform Designer wants
// them: what the engine leaves out is constant here.
//
//   s   AXI4-Lite, 32 bits: the registers. Protection and strobes are ignored: a processor writes words.
//   m   AXI3, 64 bits: coherent accesses. The bridge to the HPS passes cache and user attributes on to
//       the ACP: cache 1111 and user 11111 are write-back, allocating and shared (Cyclone V HPS TRM,
//       10.3.15.1 and 10.4.2.6).
//
// Linted in CI, beside the engine; never put through Quartus.
module bluestem_engine_top #(
    parameter int PIXELS = 4,
    parameter int OUTPUTS = 32,
    parameter int BANK_WORDS = 8192,
    parameter int WEIGHT_WORDS = 1024,
    parameter int TAPS = 512,
    parameter int THRESHOLD_BLOCKS = 64,
    parameter int RESIDUAL = 1
) (
    input  logic        clk,
    input  logic        rst,
    output logic        irq,

    input  logic [11:0] s_awaddr,
    input  logic [ 2:0] s_awprot,
    input  logic        s_awvalid,
    output logic        s_awready,
    input  logic [31:0] s_wdata,
    input  logic [ 3:0] s_wstrb,
    input  logic        s_wvalid,
    output logic        s_wready,
    output logic [ 1:0] s_bresp,
    output logic        s_bvalid,
    input  logic        s_bready,
    input  logic [11:0] s_araddr,
    input  logic [ 2:0] s_arprot,
    input  logic        s_arvalid,
    output logic        s_arready,
    output logic [31:0] s_rdata,
    output logic [ 1:0] s_rresp,
    output logic        s_rvalid,
    input  logic        s_rready,

    output logic        m_awid,
    output logic [31:0] m_awaddr,
    output logic [ 3:0] m_awlen,
    output logic [ 2:0] m_awsize,
    output logic [ 1:0] m_awburst,
    output logic [ 1:0] m_awlock,
    output logic [ 3:0] m_awcache,
    output logic [ 2:0] m_awprot,
    output logic [ 4:0] m_awuser,
    output logic        m_awvalid,
    input  logic        m_awready,
    output logic        m_wid,
    output logic [63:0] m_wdata,
    output logic [ 7:0] m_wstrb,
    output logic        m_wlast,
    output logic        m_wvalid,
    input  logic        m_wready,
    input  logic        m_bid,
    input  logic [ 1:0] m_bresp,
    input  logic        m_bvalid,
    output logic        m_bready,
    output logic        m_arid,
    output logic [31:0] m_araddr,
    output logic [ 3:0] m_arlen,
    output logic [ 2:0] m_arsize,
    output logic [ 1:0] m_arburst,
    output logic [ 1:0] m_arlock,
    output logic [ 3:0] m_arcache,
    output logic [ 2:0] m_arprot,
    output logic [ 4:0] m_aruser,
    output logic        m_arvalid,
    input  logic        m_arready,
    input  logic        m_rid,
    input  logic [63:0] m_rdata,
    input  logic [ 1:0] m_rresp,
    input  logic        m_rlast,
    input  logic        m_rvalid,
    output logic        m_rready
);
  localparam logic [2:0] Bytes8 = 3'd3;
  localparam logic [1:0] Increasing = 2'b01;
  localparam logic [3:0] WriteBack = 4'b1111;
  localparam logic [4:0] Shared = 5'b11111;

  // One identifier, so that answers come in order.
  assign {m_awid, m_wid, m_arid} = 3'd0;
  assign {m_awsize, m_arsize} = {Bytes8, Bytes8};
  assign {m_awburst, m_arburst} = {Increasing, Increasing};
  assign {m_awlock, m_arlock} = 4'd0;
  assign {m_awcache, m_arcache} = {WriteBack, WriteBack};
  assign {m_awprot, m_arprot} = 6'd0;
  assign {m_awuser, m_aruser} = {Shared, Shared};
  assign m_wstrb = 8'hff;

  engine #(
      .PIXELS(PIXELS), .OUTPUTS(OUTPUTS), .BANK_WORDS(BANK_WORDS), .WEIGHT_WORDS(WEIGHT_WORDS),
      .TAPS(TAPS), .THRESHOLD_BLOCKS(THRESHOLD_BLOCKS), .RESIDUAL(RESIDUAL)
  ) core (
      .clk, .rst, .irq,
      .s_awaddr, .s_awvalid, .s_awready, .s_wdata, .s_wvalid, .s_wready, .s_bresp, .s_bvalid,
      .s_bready, .s_araddr, .s_arvalid, .s_arready, .s_rdata, .s_rresp, .s_rvalid, .s_rready,
      .m_araddr, .m_arlen, .m_arvalid, .m_arready, .m_rdata, .m_rresp, .m_rlast, .m_rvalid,
      .m_rready, .m_awaddr, .m_awlen, .m_awvalid, .m_awready, .m_wdata, .m_wlast, .m_wvalid,
      .m_wready, .m_bresp, .m_bvalid, .m_bready,
      .trace_start(), .trace_end()
  );
endmodule
