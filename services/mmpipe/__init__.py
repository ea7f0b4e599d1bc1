"""mmpipe: raw text, images, audio, video and depth maps become searchable vectors."""
