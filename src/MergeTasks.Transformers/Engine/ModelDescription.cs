using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Engine;

/// <summary>What callers need to know of a model to prepare its inputs and read its outputs.</summary>
internal sealed record ModelDescription
{
    /// <summary><c>model_type</c> of its configuration.</summary>
    public required string Family { get; init; }

    /// <summary>What its head predicts.</summary>
    public required ModelTask Task { get; init; }

    /// <summary>Number of token ids.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Number of outcomes that the head scores: tokens or labels.</summary>
    public required int Outcomes { get; init; }

    /// <summary>The longest sequence that the model was made for.</summary>
    public required int MaximumPositions { get; init; }

    /// <summary>Number of layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Label names of a classifier in index order; empty otherwise.</summary>
    public required IReadOnlyList<string> Labels { get; init; }

    /// <summary><c>bos_token_id</c> of the configuration, where there is one.</summary>
    public required int? BeginOfSequence { get; init; }

    /// <summary><c>eos_token_id</c> of the configuration, one or several; empty where there is none.</summary>
    public required IReadOnlyList<int> EndOfSequence { get; init; }

    /// <summary>Modules that own a weight and are no embedding, in the order of computation: those that observers see.</summary>
    public required IReadOnlyList<ModuleDescription> Modules { get; init; }

    /// <summary>Embedding tables: tokens, positions and types, by their names in the checkpoint.</summary>
    public IReadOnlyList<string> Tables { get; init; } = [];

    /// <summary>
    /// Tensors of the checkpoint that are no parameters of the model: constants such as stored masks, or other models beside it.
    /// </summary>
    public required IReadOnlyList<string> UnusedTensors { get; init; }
}

/// <summary>A module that owns a weight.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Weight">Name of its weight in the checkpoint; the token table's for a tied output.</param>
/// <param name="InputChannels">Channels of its input.</param>
/// <param name="StoredByInput">Whether the weight is stored [in, out] and not [out, in].</param>
internal sealed record ModuleDescription(string Name, string Weight, int InputChannels, bool StoredByInput)
{
    /// <summary>
    /// Which part of the first dimension of the weight the module owns, where that is a stack of experts' matrices; null: it owns all.
    /// </summary>
    public int? Place { get; init; }
}
