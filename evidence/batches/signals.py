"""How the left announces a batch to the right (design §2)."""

from django.dispatch import Signal

# Inside the recording transaction; a receiver that fails fails the batch. Sent once per chunk of a batch.
# Arguments: batch (evidence.Batch), events (list[Event]: the rows that were new), changes
# (evidence.inventory.store.Changes: what is known now and was not before), at (datetime).
# A receiver returns how many exceptions it opened, or None.
batch_recording = Signal()

# After the commit; a hint only: a sweeper finds what nobody heard. Arguments: batch_id.
batch_recorded = Signal()
