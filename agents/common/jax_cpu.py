"""JAX kept to one core of the processor, and what it compiles to a cache: imported before JAX computes.

Compiling `bayes` takes ten seconds, which each process of a sweep would spend anew. What one processor has
compiled may crash another that shares its home, so each kind has a folder.
"""

import hashlib
import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax  # reads them
from llvmlite import binding

from pipeline.allowance import cache_folder

LEAST_S = 0.1  # of a compilation that is worth a file

if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    processor = f"{binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}"
    folder = cache_folder() / "jax" / hashlib.sha256(processor.encode()).hexdigest()[:16]
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", LEAST_S)
