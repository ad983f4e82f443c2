// Reads the list of descriptors and hands them out in its order: each waits until its half of the
// engine, the array or the memory port, is free, and until `after` descriptors of the other half
// have ended. A map moves only while the array rests, because both use the banks' ports. The next
// descriptor is fetched while this one runs.
module list_reader (
    input  logic         clk,
    input  logic         rst,
    input  logic         start,
    input  logic         abort,
    input  logic [ 31:0] buffer_address,
    input  logic [ 31:0] buffer_bytes,
    input  logic [ 31:0] list_address,
    // The read master.
    output logic         request,
    output logic [ 31:0] bus_address,
    input  logic         granted,
    input  logic         runs,
    input  logic         bus_error,
    input  logic         valid,
    input  logic [ 63:0] data,
    // The halves.
    output logic [511:0] descriptor,
    output logic         array_start,
    input  logic         array_busy,
    input  logic         array_done,
    input  logic         array_error,     // out of range
    output logic         port_start,
    input  logic         port_busy,
    input  logic         port_done,
    input  logic [  3:0] port_error,
    output logic         stop,            // an error: whoever runs ends
    // For the registers.
    output logic         busy,
    output logic         ended,
    output logic [  3:0] status,
    output logic [ 15:0] index            // of the descriptor that ended the list
);
  localparam logic [3:0] Idle = 4'd0, Running = 4'd1, Done = 4'd2, BadOpcode = 4'd3,
                         BadAddress = 4'd4, BadRange = 4'd5, BusError = 4'd6, Deadlock = 4'd7,
                         Aborted = 4'd8;
  localparam logic [7:0] End = 8'd0, Conv = 8'd1, LoadMap = 8'd5, StoreMap = 8'd6;

  typedef enum logic [2:0] {Rest, Ask, Fetch, Decode, Hand, Finish} state_t;
  state_t state;

  logic [15:0] next, array_index, port_index;
  logic [15:0] convs, moves, convs_ended, moves_ended;  // handed out, ended
  logic [31:0] at;                                      // of the descriptor, in the buffer
  logic failed;

  wire [7:0] opcode = descriptor[7:0];
  wire [31:0] after = descriptor[63:32];

  // Registered, and reckoned long before: whether the descriptor at `at` lies outside the buffer or
  // is one too many, or the first, or the one behind.
  logic outside, first_outside, next_outside;
  logic [32:0] first_end, next_end;
  logic moves_map;  // the port runs a map

  // Registered: what the descriptor in hand waits for.
  logic conv, map, ends;
  logic moves_reach, convs_reach;  // as many as it waits for have ended
  logic moves_come, convs_come;    // as many stand before it
  wire other_ended = conv ? moves_reach : convs_reach;
  wire waits_for_none = conv ? !moves_come : !convs_come;
  wire array_free = !array_busy && !array_start;
  wire port_free = !port_busy && !port_start;
  wire go = state == Hand && other_ended && (conv ? array_free && (port_free || !moves_map)
                                                  : port_free && (array_free || !map));

  assign request = state == Ask && !outside && !failed;
  assign bus_address = buffer_address + at;
  assign busy = state != Rest;
  assign stop = failed;

  always_ff @(posedge clk) begin
    array_start <= 1'b0;
    port_start <= 1'b0;
    ended <= 1'b0;
    if (array_done) convs_ended <= convs_ended + 16'd1;
    if (port_done && port_error == 0) moves_ended <= moves_ended + 16'd1;
    if (valid) descriptor <= {data, descriptor[511:64]};
    first_end <= {1'b0, list_address} + 33'd64;
    first_outside <= first_end > {1'b0, buffer_bytes} || list_address[2:0] != 0;
    next_end <= {1'b0, at} + 33'd128;
    next_outside <= next_end > {1'b0, buffer_bytes} || at[2:0] != 0 || next == 16'hfffe;
    conv <= opcode == Conv;
    map <= opcode == LoadMap || opcode == StoreMap;
    ends <= opcode == End;
    moves_come <= after <= {16'd0, moves};
    convs_come <= after <= {16'd0, convs};
    moves_reach <= after <= {16'd0, moves_ended};
    convs_reach <= after <= {16'd0, convs_ended};
    case (state)
      Rest: begin
        if (start) begin
          state <= Ask;
          status <= Running;
          at <= list_address;
          outside <= first_outside;
        end
        next <= '0;
        {convs, moves, convs_ended, moves_ended} <= '0;
        failed <= 1'b0;
      end
      Ask: begin
        if (granted) state <= Fetch;
        if (outside && !failed) begin
          failed <= 1'b1;
          status <= BadAddress;
          index <= next;
        end
        if (failed) state <= Finish;
      end
      Fetch: if (!runs) begin
        state <= Decode;
        if (bus_error && !failed) begin
          failed <= 1'b1;
          status <= BusError;
          index <= next;
        end
      end
      Decode: begin  // a clock for what compares
        state <= failed ? Finish : Hand;
        if (opcode > StoreMap && !failed) begin
          failed <= 1'b1;
          status <= BadOpcode;
          index <= next;
          state <= Finish;
        end
      end
      Hand: begin
        if (failed || ends) state <= Finish;
        else if (waits_for_none) begin
          failed <= 1'b1;
          status <= Deadlock;
          index <= next;
          state <= Finish;
        end else if (go) begin
          state <= Ask;
          at <= at + 32'd64;
          outside <= next_outside;
          next <= next + 16'd1;
          if (conv) begin
            array_start <= 1'b1;
            array_index <= next;
            convs <= convs + 16'd1;
          end else begin
            port_start <= 1'b1;
            port_index <= next;
            moves <= moves + 16'd1;
            moves_map <= map;
          end
        end
      end
      default: if (array_free && port_free) begin  // Finish
        state <= Rest;
        ended <= 1'b1;
        if (!failed) begin
          status <= Done;
          index <= next;
        end
      end
    endcase
    // The halves' errors; the first one counts.
    if (state != Rest && !failed) begin
      if (array_error) begin
        failed <= 1'b1;
        status <= BadRange;
        index <= array_index;
      end else if (port_done && port_error != 0) begin
        failed <= 1'b1;
        status <= port_error;
        index <= port_index;
      end else if (abort) begin
        failed <= 1'b1;
        status <= Aborted;
        index <= next;
      end
    end
    if (rst) begin
      state <= Rest;
      status <= Idle;
      {failed, index} <= '0;
    end
  end
endmodule
