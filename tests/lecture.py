"""The plain training loop of the lecture, to hold the notebooks against."""

import torch
from torch.nn import functional as F


def lecture_losses(model, draw, num_iter, learning_rate):
    """Train model by the lecture's loop, one character at a time; return the losses.

    draw: a function that returns inputs and targets, (portion_size,) each.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses = []
    for _ in range(num_iter):
        hidden, cell_state = model.init_zero_state()
        optimizer.zero_grad()
        loss = 0.0
        inputs, targets = draw()
        inputs, targets = (t.to(hidden.device) for t in (inputs, targets))
        for i in range(len(inputs)):
            character, target = inputs[i].unsqueeze(0), targets[i].unsqueeze(0)
            logits, hidden, cell_state = model(character, hidden, cell_state)
            loss += F.cross_entropy(logits, target)
        loss /= len(inputs)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
