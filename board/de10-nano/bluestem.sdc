# One clock pin; the PLL's 125 MHz follow from it. The engine and both bridges run on them alone.
create_clock -name FPGA_CLK1_50 -period 20.0 [get_ports FPGA_CLK1_50]
derive_pll_clocks
derive_clock_uncertainty
