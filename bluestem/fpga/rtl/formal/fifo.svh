// Inside fifo, for proofs: a word, any that is pushed, leaves once, whole and in its order.
// tools/fpga_formal. It begins with a reset; nothing is pushed where it is full or popped where it
// is empty, as its comment demands.
(* anyseq *) logic choose;
logic begun, held;
logic [WIDTH-1:0] word;
logic [ADDRESS:0] ahead;  // words that leave before it
initial begun = 1'b0;

always @(*) begin
  if (!begun) assume (rst);
  if (push) assume (count != (ADDRESS + 1)'(DEPTH));
  if (pop) assume (count != 0);
end

always_ff @(posedge clk) begin
  begun <= 1'b1;
  if (!held) begin
    if (push && choose) begin
      held <= 1'b1;
      word <= in;
      ahead <= count - (ADDRESS + 1)'(pop);
    end
  end else if (pop) begin
    if (ahead == 0) held <= 1'b0;
    else ahead <= ahead - 1'b1;
  end
  if (rst) held <= 1'b0;
end

wire [ADDRESS-1:0] place = head + ahead[ADDRESS-1:0];
always @(*) begin
  if (begun) begin
    // What is claimed.
    assert (count <= DEPTH);
    if (held) assert (ahead < count);
    if (held && ahead == 0) assert (out == word);
    // What carries it from clock to clock.
    assert (tail == head + count[ADDRESS-1:0]);
    if (held) assert (memory[place] == word);
  end
end
