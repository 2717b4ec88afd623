"""Where pictures come from: encoded images and videos, as upright RGB."""
