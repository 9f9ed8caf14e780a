// Package metrics writes measurements in Prometheus's text format, version 0.0.4, as node_exporter's textfile collector
// reads it (https://prometheus.io/docs/instrumenting/exposition_formats/). What is measured is decided by the caller.
package metrics
