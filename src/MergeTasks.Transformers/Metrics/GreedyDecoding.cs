using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Metrics;

/// <summary>
/// Continues a prompt with the most probable token, again and again. Every step runs the whole sequence: made for short answers.
/// </summary>
internal static class GreedyDecoding
{
    /// <summary>Continues token ids until an end-of-sequence token, the limit, or the model's last position.</summary>
    /// <param name="model">A decoder.</param>
    /// <param name="prompt">The ids so far, at least one.</param>
    /// <param name="limit">Most tokens to add.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <returns>The added ids, without the end-of-sequence token.</returns>
    /// <exception cref="ModelException">The model is no decoder, or the prompt does not fit it.</exception>
    public static IReadOnlyList<int> Continue(
        ITransformerModel model, IReadOnlyList<int> prompt, int limit, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prompt);
        if (model.Description.Task != ModelTask.CausalLanguageModel)
            throw new ModelException(ModelError.BadInput, "Only a decoder language model continues a text.");
        var ids = prompt.ToList();
        while (ids.Count - prompt.Count < limit && ids.Count < model.Description.MaximumPositions)
        {
            var next = model.Score(TokenBatch.Of(ids), [new Target(0, ids.Count - 1, 0)], cancellation)[0].Best;
            if (model.Description.EndOfSequence.Contains(next))
                break;
            ids.Add(next);
        }

        return ids.GetRange(prompt.Count, ids.Count - prompt.Count);
    }

    /// <summary>Continues a text.</summary>
    /// <inheritdoc cref="Continue(ITransformerModel, IReadOnlyList{int}, int, CancellationToken)"/>
    /// <returns>The added text.</returns>
    public static string Continue(TextModel model, string prompt, int limit, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        var begin = model.BeginOfSequence is { } id ? new[] { id } : [];
        return model.Tokenizer.Decode(
            [.. Continue(model.Model, [.. begin, .. model.Encode(prompt)], limit, cancellation)], skipSpecialTokens: true);
    }
}
