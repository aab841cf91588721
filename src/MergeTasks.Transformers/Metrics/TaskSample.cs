namespace MergeTasks.Transformers.Metrics;

/// <summary>A prompt and what should follow it.</summary>
/// <param name="Prompt">The given text.</param>
/// <param name="Target">The wanted continuation, white space included.</param>
internal sealed record TaskSample(string Prompt, string Target);

/// <summary>A prompt, possible continuations and the index of the right one.</summary>
/// <param name="Prompt">The given text.</param>
/// <param name="Choices">The continuations, at least two.</param>
/// <param name="Answer">Index of the right one.</param>
internal sealed record ChoiceSample(string Prompt, IReadOnlyList<string> Choices, int Answer);

/// <summary>A text and its label's index.</summary>
/// <param name="Text">The text.</param>
/// <param name="Label">Index of the right label.</param>
internal sealed record LabelSample(string Text, int Label);
