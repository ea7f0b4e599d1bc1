"""What `tools/make_chart.py` generates the chart from: its values, its metadata, its alerts and its dashboards.

``values``, ``pods``, ``adapter`` and ``monitoring`` are the typed model of every value; ``pages`` turns it into
`values.yaml`, its schema and the reference page. ``metadata`` is `Chart.yaml`, ``alerts`` and ``dashboards`` ask about
the metrics of ``mmpipe.telemetry.catalogue``, and ``grafana`` writes the latter down. Nothing here knows Helm's
templates: those are written by hand in `charts/mmpipe`.
"""
