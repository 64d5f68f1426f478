-- What an operator took, in the run that showed the layers.
ALTER TABLE layer_hash ADD COLUMN ticks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE layer_hash ADD COLUMN counted INTEGER;
ALTER TABLE layer_hash ADD COLUMN macs INTEGER;
ALTER TABLE layer_hash ADD COLUMN output_shape TEXT NOT NULL DEFAULT '';
ALTER TABLE layer_hash ADD COLUMN form TEXT NOT NULL DEFAULT '';

DROP VIEW layers;
CREATE VIEW layers AS
SELECT l.job_id, l.vector_index, l.vector, l.op_index, l.tflite_index, l.op_name, l.tensor_index, l.bytes,
       printf('%08x', l.fnv1a32) AS fnv1a32, l.output_shape, l.form, l.macs, l.ticks, l.counted,
       CASE j.fidelity WHEN 'emulated' THEN 'instructions' WHEN 'hardware' THEN 'cycles' ELSE 'ns' END AS unit
FROM layer_hash l JOIN job j USING (job_id) JOIN campaign c USING (campaign_id) WHERE c.system = 0;
