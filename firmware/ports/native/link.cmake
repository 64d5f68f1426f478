# An ordinary program, dynamically linked against libc alone. Addresses are 32 bits wide on the wire, so its memory
# lies at those of port.json, below 2 GiB, and the program itself is not position independent. All symbols are bound
# before it starts: the dynamic linker would use the measured stack.
math(EXPR stack_high "${port_ram_address} + 16384" OUTPUT_FORMAT HEXADECIMAL)
# What the program's own variables take, wherever the linker puts them, is taken off here: bundle.py checks.
math(EXPR arena_start "${stack_high} + 16384" OUTPUT_FORMAT HEXADECIMAL)
math(EXPR arena_end "${port_ram_address} + ${port_ram_bytes}" OUTPUT_FORMAT HEXADECIMAL)
math(EXPR blob_end "${port_load_address} + ${port_flash_bytes}" OUTPUT_FORMAT HEXADECIMAL)

set(port_link_language C)
set(port_link_options
    -no-pie -Wl,--wrap=main,-z,now,-z,noexecstack
    -Wl,--defsym=__stack_low=${port_ram_address},--defsym=__stack_high=${stack_high}
    -Wl,--defsym=tinyrig_mailbox=${stack_high}
    -Wl,--defsym=__arena_start=${arena_start},--defsym=__arena_end=${arena_end}
    -Wl,--defsym=__blob_start=${port_blob_address},--defsym=__blob_end=${blob_end})
set(port_link_libraries)
set(port_bundle_kind process)
