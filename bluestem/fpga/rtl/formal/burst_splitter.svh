// Inside burst_splitter, for proofs: what every sequence of inputs must lead to. tools/fpga_formal.
// It begins with a reset. `start` comes only while idle, `burst_end` only for a burst that was
// taken: that is assumed where the splitter stands alone, and proved of write_master.
`ifdef SPLITTER_ALONE
`define GIVEN assume
`else
`define GIVEN assert
`endif
logic [31:0] due_address;      // of the next burst
logic [28:0] due;              // beats of the transfer that no burst was taken for yet
logic [2:0] taken;             // bursts that were taken and have not ended
logic stopped, begun, were_valid, were_put;
logic [31:0] were_address;
logic [4:0] were_beats;
initial begun = 1'b0;

wire take = valid && ready;
always @(*) begin
  if (!begun) `GIVEN (rst);
  if (start) `GIVEN (idle && address[2:0] == 0);
  if (burst_end) `GIVEN (taken != 0);
end

always_ff @(posedge clk) begin
  begun <= 1'b1;
  were_valid <= valid && !ready && !rst;
  were_address <= burst_address;
  were_beats <= burst_beats;
  were_put <= put && !rst;
  taken <= taken + 3'(take) - 3'(burst_end);
  if (take) begin
    due_address <= due_address + {24'd0, burst_beats, 3'd0};
    due <= due - 29'(burst_beats);
  end
  if (stop) stopped <= 1'b1;
  if (start) begin
    due_address <= address;
    due <= beats;
    stopped <= 1'b0;
  end
  if (rst) begin
    taken <= '0;
    due <= '0;
    stopped <= 1'b0;
  end
end

always @(*) begin
  if (begun) begin
    // What is claimed.
    if (valid) begin
      assert (burst_beats >= 1 && burst_beats <= 16);
      assert ({1'b0, burst_address[11:3]} + {5'd0, burst_beats} <= 10'd512);
      assert (burst_address == due_address);
      assert (29'(burst_beats) <= due);
    end
    if (were_valid) assert (valid && burst_address == were_address && burst_beats == were_beats);
    assert (open <= OUTSTANDING);
    assert ({1'b0, open} == {1'b0, taken} + 4'(valid));
    assert (opened == were_put);
    if (opened) assert (valid);
    if (idle) assert (!valid && (stopped || due == 0));
    // What carries it from clock to clock.
    if (!stopped) assert (due == (some ? left : 29'd0) + (valid ? 29'(burst_beats) : 29'd0));
    if (some) begin
      assert (left != 0 && next[2:0] == 0);
      assert (due == left + (valid ? 29'(burst_beats) : 29'd0));
      assert (next == due_address + (valid ? {24'd0, burst_beats, 3'd0} : 32'd0));
      assert (below64 == (left < 64));
      assert (row30 == (next[11:7] == 5'd30));
      assert (row_beats == 5'd16 - {1'b0, next[6:3]});
      assert (size == (left < 29'(room_beats) ? left[4:0] : room_beats));
    end
  end
end
wire [9:0] page_beats = 10'd512 - {1'b0, next[11:3]};
wire [4:0] room_beats = page_beats < 16 ? page_beats[4:0] : 5'd16;
