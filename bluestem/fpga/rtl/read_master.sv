// Reads a run of 8-byte words over AXI: a beat a clock where memory gives one. The taker is always
// ready. An answer with an error, or a burst that ends at another beat than it was asked for, sets
// `error` until the next start; no burst is begun after it, and those that are open are waited for,
// each until its own RLAST.
module read_master (
    input  logic        clk,
    input  logic        rst,
    input  logic        start,
    input  logic [31:0] address,
    input  logic [28:0] beats,
    input  logic        stop,
    output logic        busy,
    output logic        error,
    output logic [31:0] error_address,  // of the burst
    output logic        valid,
    output logic [63:0] data,

    output logic [31:0] araddr,
    output logic [ 3:0] arlen,
    output logic        arvalid,
    input  logic        arready,
    input  logic [63:0] rdata,
    input  logic [ 1:0] rresp,
    input  logic        rlast,
    input  logic        rvalid,
    output logic        rready
);
  logic [4:0] burst_beats;
  logic opened, idle;

  // Beats to come of the open bursts, oldest first, and their addresses.
  logic [4:0] length0, length1, length2, length3;
  logic [31:0] address0, address1, address2, address3;
  logic [2:0] count;

  wire take = rvalid && rready;
  wire expected_last = length0 == 5'd1;
  wire burst_end = take && rlast;
  wire fault = take && (rresp != 2'd0 || rlast != expected_last);

  burst_splitter splitter (
      .clk, .rst, .start, .address, .beats,
      .stop(stop || error || fault), .burst_end,
      .valid(arvalid), .ready(arready), .burst_address(araddr), .burst_beats, .opened, .idle
  );
  assign arlen = 4'(burst_beats - 5'd1);
  assign rready = count != 0;
  assign valid = take;
  assign data = rdata;

  wire [2:0] kept = count - 3'(burst_end);
  always_ff @(posedge clk) begin
    if (start) busy <= 1'b1;
    else if (idle) busy <= 1'b0;
    if (start) error <= 1'b0;
    else if (fault) error <= 1'b1;
    if (fault && !error) error_address <= address0;
    if (take) length0 <= length0 - 5'd1;
    if (burst_end) begin
      length0 <= length1;
      length1 <= length2;
      length2 <= length3;
      address0 <= address1;
      address1 <= address2;
      address2 <= address3;
    end
    if (opened) begin
      if (kept == 3'd0) {length0, address0} <= {burst_beats, araddr};
      if (kept == 3'd1) {length1, address1} <= {burst_beats, araddr};
      if (kept == 3'd2) {length2, address2} <= {burst_beats, araddr};
      if (kept == 3'd3) {length3, address3} <= {burst_beats, araddr};
    end
    count <= kept + 3'(opened);
    if (rst) begin
      busy <= 1'b0;
      error <= 1'b0;
      error_address <= '0;
      count <= '0;
    end
  end
endmodule
