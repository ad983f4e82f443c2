# The system around the engine: the HPS, a clock of 125 MHz, the registers at 0xff200000 through the lightweight bridge, memory through the bridge
# to the HPS (ACP at 0x80000000), interrupt 0 of the FPGA (GIC SPI 40). For qsys-script; ./build calls it. Not built in CI, not tried with Quartus.
package require -exact qsys 16.0

set megahertz 125.0

create_system bluestem
set_project_property DEVICE_FAMILY {Cyclone V}
set_project_property DEVICE {5CSEBA6U23I7}

add_instance clk_50 clock_source
set_instance_parameter_value clk_50 clockFrequency 50000000.0
set_instance_parameter_value clk_50 clockFrequencyKnown 1
set_instance_parameter_value clk_50 resetSynchronousEdges NONE

add_instance pll altera_pll
set_instance_parameter_value pll gui_reference_clock_frequency 50.0
set_instance_parameter_value pll gui_operation_mode direct
set_instance_parameter_value pll gui_number_of_clocks 1
set_instance_parameter_value pll gui_output_clock_frequency0 $megahertz
set_instance_parameter_value pll gui_use_locked 0

# The pins and the clocks of the HPS are set by the boot loader of the base image, from its own design; no boot loader is made from this one. So no
# peripheral of the HPS is named here, and of the memory what its interface needs: 1 GB of DDR3, 32 bits, 400 MHz.
add_instance hps altera_hps
foreach {name value} {
  F2S_Width 2  S2F_Width 0  LWH2F_Enable true  F2SINTERRUPT_Enable 1
  F2SDRAM_Type {}  F2SDRAM_Width {}  MPU_EVENTS_Enable 0  eosc1_clk_mhz 25.0  eosc2_clk_mhz 25.0
  HPS_PROTOCOL DDR3  MEM_VENDOR Other  MEM_FORMAT DISCRETE  MEM_CLK_FREQ 400.0  REF_CLK_FREQ 25.0
  MEM_DQ_WIDTH 32  MEM_DQ_PER_DQS 8  MEM_ROW_ADDR_WIDTH 15  MEM_COL_ADDR_WIDTH 10
  MEM_BANKADDR_WIDTH 3  MEM_VOLTAGE {1.5V DDR3}  MEM_TCL 7  MEM_WTCL 7  MEM_DRV_STR RZQ/6
  MEM_RTT_NOM RZQ/6  MEM_TINIT_US 500  MEM_TMRD_CK 4  MEM_TRAS_NS 35.0  MEM_TRCD_NS 13.75
  MEM_TRP_NS 13.75  MEM_TREFI_US 7.8  MEM_TRFC_NS 300.0  MEM_TWR_NS 15.0  MEM_TWTR 4
  MEM_TFAW_NS 37.5  MEM_TRRD_NS 7.5  MEM_TRTP_NS 7.5
} {
  set_instance_parameter_value hps $name $value
}

add_instance engine bluestem_engine

add_connection clk_50.clk pll.refclk
add_connection clk_50.clk_reset pll.reset
foreach sink {engine.clock hps.f2h_axi_clock hps.h2f_lw_axi_clock} {
  add_connection pll.outclk0 $sink
}
foreach source {clk_50.clk_reset hps.h2f_reset} {
  add_connection $source engine.reset
}
add_connection hps.h2f_lw_axi_master engine.s
set_connection_parameter_value hps.h2f_lw_axi_master/engine.s baseAddress 0x0000
add_connection engine.m hps.f2h_axi_slave
set_connection_parameter_value engine.m/hps.f2h_axi_slave baseAddress 0x0000
add_connection hps.f2h_irq0 engine.interrupt
set_connection_parameter_value hps.f2h_irq0/engine.interrupt irqNumber 0

foreach {name kind direction of} {
  clk clock sink clk_50.clk_in
  reset reset sink clk_50.clk_in_reset
  memory conduit end hps.memory
} {
  add_interface $name $kind $direction
  set_interface_property $name EXPORT_OF $of
}

save_system bluestem.qsys
