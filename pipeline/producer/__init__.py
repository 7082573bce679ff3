"""The Producer: offers a stream's frames as tasks and keeps account of every one of them."""
