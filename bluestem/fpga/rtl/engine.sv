// The engine: convolutions of 1-bit weights and 2-bit codes, a whole list of them for one doorbell.
//
//   registers (AXI-lite)     list_reader --> conv_unit = sequencer > mac_array > output_unit
//                                  |     --> memory_port
//   read_master, write_master (AXI-3)        banks, weights, thresholds, taps (ram)
//
// The array multiplies PIXELS (4 or 8) x OUTPUTS (8, 16 or 32) x 32 inputs a clock. All builds run
// the same lists.
//
// One clock, a synchronous reset. docs/formats/engine.md says what the registers and the list are.
module engine #(
    parameter int PIXELS = 4,            // of a tile: a quad of 2x2, or two side by side
    parameter int OUTPUTS = 32,          // of a pass; 32 are a block
    parameter int BANK_WORDS = 8192,     // of 64 bits, of each of the four banks
    parameter int WEIGHT_WORDS = 1024,   // of 1024 bits
    parameter int TAPS = 512,
    parameter int THRESHOLD_BLOCKS = 64, // of 32 outputs
    parameter int RESIDUAL = 1           // 0: adds no residual maps, and refuses descriptors with one
) (
    input  logic        clk,
    input  logic        rst,
    // Registers.
    input  logic [11:0] s_awaddr,
    input  logic        s_awvalid,
    output logic        s_awready,
    input  logic [31:0] s_wdata,
    input  logic        s_wvalid,
    output logic        s_wready,
    output logic [ 1:0] s_bresp,
    output logic        s_bvalid,
    input  logic        s_bready,
    input  logic [11:0] s_araddr,
    input  logic        s_arvalid,
    output logic        s_arready,
    output logic [31:0] s_rdata,
    output logic [ 1:0] s_rresp,
    output logic        s_rvalid,
    input  logic        s_rready,
    output logic        irq,
    // Memory: increasing bursts of at most 16 beats of 8 bytes, one identifier.
    output logic [31:0] m_araddr,
    output logic [ 3:0] m_arlen,
    output logic        m_arvalid,
    input  logic        m_arready,
    input  logic [63:0] m_rdata,
    input  logic [ 1:0] m_rresp,
    input  logic        m_rlast,
    input  logic        m_rvalid,
    output logic        m_rready,
    output logic [31:0] m_awaddr,
    output logic [ 3:0] m_awlen,
    output logic        m_awvalid,
    input  logic        m_awready,
    output logic [63:0] m_wdata,
    output logic        m_wlast,
    output logic        m_wvalid,
    input  logic        m_wready,
    input  logic [ 1:0] m_bresp,
    input  logic        m_bvalid,
    output logic        m_bready,
    // When a descriptor starts and ends, for simulations: of the array, of the memory port; the list.
    output logic [ 2:0] trace_start,
    output logic [ 2:0] trace_end
);
  localparam int Quads = PIXELS / 4, Passes = 32 / OUTPUTS;
  localparam int BA = $clog2(BANK_WORDS), RA = $clog2(BANK_WORDS / Quads);
  localparam int WA = $clog2(WEIGHT_WORDS), PA = $clog2(WEIGHT_WORDS * Passes);
  localparam int TA = $clog2(TAPS);
  localparam int HA = $clog2(8 * THRESHOLD_BLOCKS);

  logic start, abort, busy, ended, stop;
  logic [31:0] buffer_address, buffer_bytes, list_address;
  logic [3:0] status;
  logic [15:0] index;
  logic [31:0] clocks, array_clocks, memory_clocks, error_address;
  logic [511:0] descriptor, port_fields;
  logic array_start, array_busy, array_done, array_error;
  logic port_start, port_begins, port_runs, port_done;
  logic [3:0] port_error;

  // ---- The read master, for the list before the port.
  logic list_request, port_request, list_owns, reading, read_start;
  logic [31:0] list_bus_address, port_bus_address, read_address, read_error_address;
  logic [28:0] port_bus_beats, read_beats;
  logic read_busy, read_error, read_valid, bus_stop;
  logic [63:0] read_data;
  wire free = !read_start && !read_busy;
  wire list_granted = free && list_request;
  wire port_granted = free && port_request && !list_request;
  always_ff @(posedge clk) begin
    read_start <= list_granted || port_granted;
    if (list_granted || port_granted) begin
      list_owns <= list_granted;
      read_address <= list_granted ? list_bus_address : port_bus_address;
      read_beats <= list_granted ? 29'd8 : port_bus_beats;
    end
    if (rst) read_start <= 1'b0;
  end
  assign reading = !free;
  read_master reads (
      .clk, .rst, .start(read_start), .address(read_address), .beats(read_beats),
      .stop(bus_stop && !list_owns), .busy(read_busy), .error(read_error),
      .error_address(read_error_address), .valid(read_valid), .data(read_data),
      .araddr(m_araddr), .arlen(m_arlen), .arvalid(m_arvalid), .arready(m_arready),
      .rdata(m_rdata), .rresp(m_rresp), .rlast(m_rlast), .rvalid(m_rvalid), .rready(m_rready)
  );

  logic write_start, write_busy, write_error, write_valid, write_ready;
  logic [31:0] write_error_address;
  logic [63:0] write_data;
  write_master writes (
      .clk, .rst, .start(write_start), .address(port_bus_address), .beats(port_bus_beats),
      .stop(bus_stop), .busy(write_busy), .error(write_error),
      .error_address(write_error_address), .valid(write_valid), .ready(write_ready),
      .data(write_data), .awaddr(m_awaddr), .awlen(m_awlen), .awvalid(m_awvalid),
      .awready(m_awready), .wdata(m_wdata), .wlast(m_wlast), .wvalid(m_wvalid), .wready(m_wready),
      .bresp(m_bresp), .bvalid(m_bvalid), .bready(m_bready)
  );
  always_ff @(posedge clk) begin
    if (start) error_address <= '0;
    else if (read_error && error_address == 0) error_address <= read_error_address;
    else if (write_error && error_address == 0) error_address <= write_error_address;
  end

  // ---- Control.
  registers #(
      .PIXELS(PIXELS), .OUTPUTS(OUTPUTS), .BANK_WORDS(BANK_WORDS), .WEIGHT_WORDS(WEIGHT_WORDS), .TAPS(TAPS),
      .THRESHOLD_BLOCKS(THRESHOLD_BLOCKS), .RESIDUAL(RESIDUAL)
  ) control (
      .clk, .rst, .awaddr(s_awaddr), .awvalid(s_awvalid), .awready(s_awready), .wdata(s_wdata),
      .wvalid(s_wvalid), .wready(s_wready), .bresp(s_bresp), .bvalid(s_bvalid), .bready(s_bready),
      .araddr(s_araddr), .arvalid(s_arvalid), .arready(s_arready), .rdata(s_rdata),
      .rresp(s_rresp), .rvalid(s_rvalid), .rready(s_rready), .irq, .start, .abort,
      .buffer_address, .buffer_bytes, .list_address, .ended, .busy(busy || start), .status, .index,
      .error_address, .clocks, .array_clocks, .memory_clocks
  );
  list_reader list (
      .clk, .rst, .start, .abort, .buffer_address, .buffer_bytes, .list_address,
      .request(list_request), .bus_address(list_bus_address), .granted(list_granted),
      .runs(reading && list_owns), .bus_error(read_error), .valid(read_valid && list_owns),
      .data(read_data), .descriptor, .array_start, .array_busy, .array_done, .array_error,
      .port_start, .port_busy(port_begins || port_runs), .port_done, .port_error, .stop, .busy,
      .ended, .status, .index
  );
  always_ff @(posedge clk) begin
    if (start) {clocks, array_clocks, memory_clocks} <= '0;
    else begin
      clocks <= clocks + 32'(busy);
      array_clocks <= array_clocks + 32'(array_busy);
      memory_clocks <= memory_clocks + 32'(port_begins || port_runs);
    end
    port_begins <= port_start;
    if (port_start) port_fields <= descriptor;
    if (rst) port_begins <= 1'b0;
  end
  assign trace_start = {start, port_start, array_start};
  assign trace_end = {ended, port_done, array_done};

  // ---- The memories and the two halves.
  logic [63:0] load_data;
  logic [15:0] weight_enable;
  logic [WA-1:0] weight_load;
  logic [PA-1:0] weight_address;
  logic [3:0] threshold_enable, port_enable;
  logic [4*Passes-1:0] conv_enable;
  logic [HA-1:0] threshold_load, threshold_address;
  logic tap_enable;
  logic [TA-1:0] tap_load, tap_address;
  logic [BA-1:0] port_address, conv_write;
  logic [4*Quads*RA-1:0] conv_read;
  logic [63:0] conv_word;
  logic [64*PIXELS-1:0] bank_words;
  logic [255:0] port_words;
  logic [32*OUTPUTS-1:0] weight_word;
  logic [255:0] threshold_word;
  logic [47:0] tap;

  memory_port #(
      .BANK_WORDS(BANK_WORDS), .WEIGHT_WORDS(WEIGHT_WORDS), .TAPS(TAPS),
      .THRESHOLD_BLOCKS(THRESHOLD_BLOCKS)
  ) mover (
      .clk, .rst, .start(port_begins), .stop, .opcode(port_fields[7:0]),
      .address(port_fields[383:352]), .length(port_fields[415:384]),
      .dst_base(port_fields[271:256]), .src_base(port_fields[143:128]),
      .row_step(port_fields[159:144]), .block_step(port_fields[175:160]),
      .blocks(port_fields[191:176]), .in_h(port_fields[111:96]), .in_w(port_fields[127:112]),
      .buffer_address, .buffer_bytes, .busy(port_runs), .done(port_done), .error(port_error),
      .bus_address(port_bus_address), .bus_beats(port_bus_beats), .read_request(port_request),
      .read_granted(port_granted), .read_runs(reading && !list_owns), .read_error,
      .read_valid(read_valid && !list_owns), .read_data, .write_start,
      .write_runs(write_start || write_busy), .write_error, .bus_stop, .write_valid, .write_ready,
      .write_data, .load_data, .weight_enable, .weight_address(weight_load), .threshold_enable,
      .threshold_address(threshold_load), .tap_enable, .tap_address(tap_load),
      .bank_enable(port_enable), .bank_address(port_address), .bank_words(port_words)
  );
  conv_unit #(
      .PIXELS(PIXELS), .OUTPUTS(OUTPUTS), .BANK_WORDS(BANK_WORDS), .WEIGHT_WORDS(WEIGHT_WORDS), .TAPS(TAPS),
      .THRESHOLD_BLOCKS(THRESHOLD_BLOCKS), .RESIDUAL(RESIDUAL)
  ) conv (
      .clk, .rst, .start(array_start), .stop, .descriptor, .busy(array_busy), .done(array_done),
      .out_of_range(array_error), .tap_address, .tap, .read_address(conv_read),
      .read_words(bank_words), .weight_address, .weight_word, .threshold_address, .threshold_word,
      .write_enable(conv_enable), .write_address(conv_write), .write_word(conv_word)
  );

  logic [4*Passes-1:0] bank_enable;
  banks #(.WORDS(BANK_WORDS), .QUADS(Quads), .PASSES(Passes)) maps (
      .clk, .write_enable(bank_enable), .write_address(array_busy ? conv_write : port_address),
      .write_word(array_busy ? conv_word : load_data),
      .read_address(array_busy ? conv_read : {(4 * Quads){port_address[BA-1:BA-RA]}}),
      .read_words(bank_words)
  );
  weights #(.OUTPUTS(OUTPUTS), .WORDS(WEIGHT_WORDS)) kernels (
      .clk, .write_enable(weight_enable), .write_address(weight_load), .write_data(load_data),
      .read_address(weight_address), .read_word(weight_word)
  );

  genvar i;
  generate
    for (i = 0; i < 4; i++) begin : bank
      assign bank_enable[Passes*i+:Passes] = conv_enable[Passes*i+:Passes] | {Passes{port_enable[i]}};
      if (Quads == 1) begin : one
        assign port_words[64*i+:64] = bank_words[64*i+:64];
      end else begin : two
        logic odd;
        always_ff @(posedge clk) odd <= port_address[0];
        assign port_words[64*i+:64] = bank_words[{i[1:0], odd, 6'd0}+:64];
      end
    end
    for (i = 0; i < 4; i++) begin : threshold
      ram #(.WIDTH(64), .DEPTH(8 * THRESHOLD_BLOCKS)) words (
          .clk, .we(threshold_enable[i]), .waddr(threshold_load), .wdata(load_data),
          .raddr(threshold_address), .rdata(threshold_word[64*i+:64])
      );
    end
  endgenerate
  ram #(.WIDTH(48), .DEPTH(TAPS)) tap_words (
      .clk, .we(tap_enable), .waddr(tap_load), .wdata(load_data[47:0]), .raddr(tap_address),
      .rdata(tap)
  );
endmodule
