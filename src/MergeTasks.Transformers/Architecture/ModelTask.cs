namespace MergeTasks.Transformers.Architecture;

/// <summary>What a model's head predicts.</summary>
internal enum ModelTask
{
    /// <summary>The next token, at every position of a decoder.</summary>
    CausalLanguageModel,

    /// <summary>The token at the position itself, from both sides.</summary>
    MaskedLanguageModel,

    /// <summary>One label for the sequence.</summary>
    SequenceClassification,
}
