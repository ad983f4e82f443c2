// Inside write_master, for proofs: the W channel. tools/fpga_formal. It begins with a reset, `start`
// comes only while nothing runs, memory answers only bursts of which it took address and data.
//
// A beat of the stream is the beat on the bus in the next clock, and stays until it is taken; a
// burst that was put up, any of them, gets as many beats as it was put up with, the last one
// marked.
(* anyseq *) logic choose;
logic begun, stood, came, were_last, chosen;
logic [63:0] stood_data, came_data;
logic [4:0] beats_due;   // of the chosen burst, that are not sent yet
logic [2:0] ahead;       // bursts whose beats are sent before it
logic [2:0] addresses;   // taken, of bursts without an answer: the script connects splitter.taken
logic [2:0] open;        // the same for splitter.open
initial begun = 1'b0;

always @(*) begin
  if (!begun) assume (rst);
  if (start) assume (!busy && idle && address[2:0] == 0);
  if (bvalid) assume (answers != 0 && addresses != 0);
end

always_ff @(posedge clk) begin
  begun <= 1'b1;
  stood <= wvalid && !wready && !rst;
  were_last <= wlast;
  came <= valid && ready && !rst;
  stood_data <= wdata;
  came_data <= data;
  if (!chosen) begin
    if (opened && choose) begin
      chosen <= 1'b1;
      beats_due <= burst_beats;
      ahead <= kept;
    end
  end else begin
    if (send && ahead == 0) beats_due <= beats_due - 5'd1;
    if (sent_burst) begin
      if (ahead == 0) chosen <= 1'b0;
      else ahead <= ahead - 3'd1;
    end
  end
  if (rst) chosen <= 1'b0;
end

always @(*) begin
  if (begun) begin
    // What is claimed.
    if (stood) assert (wvalid && wdata == stood_data && wlast == were_last);
    if (came) assert (wvalid && wdata == came_data);
    if (chosen && ahead == 0) assert (beats_due != 0 && last == (beats_due == 5'd1));
    if (sent_burst && chosen && ahead == 0) assert (beats_due == 5'd1);
    // What carries it from clock to clock.
    assert ({1'b0, open} == 4'(opened) + 4'(count) + 4'(wvalid && wlast) + 4'(answers));
    if (chosen) begin
      assert (ahead < count && beats_due != 0);
      assert (beats_due == (ahead == 0 ? length0 : ahead == 1 ? length1 :
                            ahead == 2 ? length2 : length3));
    end
  end
end
