// The registers, behind AXI-lite: docs/formats/engine.md has the table. A write that fits no
// register is ignored, a read gives 0.
module registers #(
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
    input  logic [11:0] awaddr,
    input  logic        awvalid,
    output logic        awready,
    input  logic [31:0] wdata,
    input  logic        wvalid,
    output logic        wready,
    output logic [ 1:0] bresp,
    output logic        bvalid,
    input  logic        bready,
    input  logic [11:0] araddr,
    input  logic        arvalid,
    output logic        arready,
    output logic [31:0] rdata,
    output logic [ 1:0] rresp,
    output logic        rvalid,
    input  logic        rready,
    output logic        irq,
    // The engine.
    output logic        start,
    output logic        abort,
    output logic [31:0] buffer_address,
    output logic [31:0] buffer_bytes,
    output logic [31:0] list_address,
    input  logic        ended,           // for a clock
    input  logic        busy,
    input  logic [ 3:0] status,
    input  logic [15:0] index,
    input  logic [31:0] error_address,
    input  logic [31:0] clocks,
    input  logic [31:0] array_clocks,
    input  logic [31:0] memory_clocks
);
  localparam logic [31:0] Id = 32'h31573241;  // "A2W1" in memory
  localparam logic [31:0] Version = 32'd1;

  logic irq_enable, irq_pending;
  logic [31:0] scratch;
  assign irq = irq_enable && irq_pending;
  assign bresp = 2'd0;
  assign rresp = 2'd0;

  // Address and data of a write are taken together.
  wire write = awvalid && wvalid && !bvalid;
  assign awready = write;
  assign wready = write;
  assign arready = !rvalid;

  always_ff @(posedge clk) begin
    start <= 1'b0;
    abort <= 1'b0;
    if (bready) bvalid <= 1'b0;
    if (ended) irq_pending <= 1'b1;
    if (write) begin
      bvalid <= 1'b1;
      case (awaddr[7:2])
        6'h03: begin
          start <= wdata[0] && !busy;
          abort <= wdata[1];
        end
        6'h05: irq_enable <= wdata[0];
        6'h06: if (wdata[0]) irq_pending <= 1'b0;
        6'h07: buffer_address <= wdata;
        6'h08: list_address <= wdata;
        6'h09: buffer_bytes <= wdata;
        6'h10: scratch <= wdata;
        default: ;
      endcase
    end
    if (rready) rvalid <= 1'b0;
    if (arvalid && arready) begin
      rvalid <= 1'b1;
      case (araddr[7:2])
        6'h00: rdata <= Id;
        6'h01: rdata <= Version;
        6'h02: rdata <= {16'(PIXELS), 8'(OUTPUTS), 8'd32};  // pixels, outputs and inputs a clock
        6'h04: rdata <= {8'd0, index, 4'd0, status};
        6'h05: rdata <= {31'd0, irq_enable};
        6'h06: rdata <= {31'd0, irq_pending};
        6'h07: rdata <= buffer_address;
        6'h08: rdata <= list_address;
        6'h09: rdata <= buffer_bytes;
        6'h0a: rdata <= clocks;
        6'h0b: rdata <= array_clocks;
        6'h0c: rdata <= memory_clocks;
        6'h0f: rdata <= error_address;
        6'h10: rdata <= scratch;
        6'h11: rdata <= BANK_WORDS;
        6'h12: rdata <= WEIGHT_WORDS;
        6'h13: rdata <= THRESHOLD_BLOCKS;
        6'h14: rdata <= TAPS;
        6'h15: rdata <= {31'd0, RESIDUAL != 0};  // features: residual maps
        default: rdata <= '0;
      endcase
    end
    if (rst) begin
      {start, abort, bvalid, rvalid, irq_enable, irq_pending} <= '0;
      {buffer_address, buffer_bytes, list_address, scratch} <= '0;
    end
  end
endmodule
