"""What `jetbull exec` puts at the front of PYTHONPATH: `sitecustomize`, run as Python starts."""
