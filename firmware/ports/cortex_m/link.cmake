# How every port to a Cortex-M is linked: link.ld with the numbers of port.json. Only memcpy and the like can be
# linked: malloc and printf would miss what they stand on.
set(port_link_language CXX)
set(port_link_script ${CMAKE_CURRENT_LIST_DIR}/link.ld)
set(port_link_options
    -nostdlib -T${port_link_script}
    -Wl,--defsym=TINYRIG_LOAD_ADDRESS=${port_load_address}
    -Wl,--defsym=TINYRIG_RAM_ADDRESS=${port_ram_address}
    -Wl,--defsym=TINYRIG_FLASH_BYTES=${port_flash_bytes}
    -Wl,--defsym=TINYRIG_RAM_BYTES=${port_ram_bytes}
    -Wl,--defsym=TINYRIG_BLOB_ADDRESS=${port_blob_address})
set(port_link_libraries -lc_nano -lgcc)
set(port_bundle_kind flat)
