tinyrig_fuzz_run(tflite_reader RUNS 100000 MAX_LEN 8192)
tinyrig_fuzz_run(blob_reader RUNS 100000 MAX_LEN 8192)
