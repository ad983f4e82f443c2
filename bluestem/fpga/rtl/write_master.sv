// Writes a run of 8-byte words over AXI, from a stream that may pause. An answer with an error sets
// `error` until the next start; no burst is begun after it, those that are open are ended with
// what the stream brings, or with zeros where it was cut (`stop`).
module write_master (
    input  logic        clk,
    input  logic        rst,
    input  logic        start,
    input  logic [31:0] address,
    input  logic [28:0] beats,
    input  logic        stop,
    output logic        busy,
    output logic        error,
    output logic [31:0] error_address,  // of the run

    input  logic        valid,
    output logic        ready,
    input  logic [63:0] data,

    output logic [31:0] awaddr,
    output logic [ 3:0] awlen,
    output logic        awvalid,
    input  logic        awready,
    output logic [63:0] wdata,
    output logic        wlast,
    output logic        wvalid,
    input  logic        wready,
    input  logic [ 1:0] bresp,
    input  logic        bvalid,
    output logic        bready
);
  logic [4:0] burst_beats;
  logic opened, idle, cut;

  // Beats to be sent of the bursts, oldest first.
  logic [4:0] length0, length1, length2, length3;
  logic [2:0] count;
  logic [2:0] answers;  // that are due

  wire answered = bvalid && bready;
  burst_splitter splitter (
      .clk, .rst, .start, .address, .beats,
      .stop(stop || cut || error), .burst_end(answered),
      .valid(awvalid), .ready(awready), .burst_address(awaddr), .burst_beats, .opened, .idle
  );
  assign awlen = 4'(burst_beats - 5'd1);
  assign bready = answers != 0;

  // A register holds the beat that stands on the bus.
  wire last = length0 == 5'd1;
  wire free = !wvalid || wready;
  wire send = free && count != 0 && (valid || cut);
  assign ready = free && count != 0 && !cut;
  wire sent_burst = send && last;
  wire [2:0] kept = count - 3'(sent_burst);

  always_ff @(posedge clk) begin
    if (start) busy <= 1'b1;
    else if (idle) busy <= 1'b0;
    if (start) error <= 1'b0;
    else if (answered && bresp != 2'd0) error <= 1'b1;
    if (start) error_address <= address;
    cut <= !start && (stop || error || (cut && !idle));
    if (free) begin
      wvalid <= send;
      wdata <= cut ? 64'd0 : data;
      wlast <= last;
    end
    if (send) length0 <= length0 - 5'd1;
    if (sent_burst) begin
      length0 <= length1;
      length1 <= length2;
      length2 <= length3;
    end
    if (opened) begin
      if (kept == 3'd0) length0 <= burst_beats;
      if (kept == 3'd1) length1 <= burst_beats;
      if (kept == 3'd2) length2 <= burst_beats;
      if (kept == 3'd3) length3 <= burst_beats;
    end
    count <= kept + 3'(opened);
    answers <= answers + 3'(wvalid && wready && wlast) - 3'(answered);
    if (rst) begin
      busy <= 1'b0;
      error <= 1'b0;
      error_address <= '0;
      cut <= 1'b0;
      wvalid <= 1'b0;
      count <= '0;
      answers <= '0;
    end
  end
`ifdef FORMAL
`include "formal/write_master.svh"
`endif
endmodule
