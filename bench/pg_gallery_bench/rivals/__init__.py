"""What a user might pick instead of pg_gallery, each with its best settings, and pg_gallery."""
