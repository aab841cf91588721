namespace MergeTasks.Merging.Planning.Importance;

/// <summary>What AIM and APL do to one output tensor.</summary>
/// <param name="BaseTensor">Name of the base's tensor from which changes are measured; <see langword="null"/>: it has none.</param>
/// <param name="BaseSource">Index of the base's tensor among the sources; <see langword="null"/> where only models' weights are
/// concerned.</param>
/// <param name="Models">Of each input of the method, the index of its model among those of the merge.</param>
/// <param name="Dropped">Inputs whose deltas APL drops from.</param>
/// <param name="Contributing">Inputs whose deltas are weighted by their activations.</param>
/// <param name="IsRelaxed">Whether AIM pulls the merged tensor towards the base.</param>
/// <param name="IsScaled">Whether the merged change is multiplied by the merge's factor.</param>
/// <param name="KeyText">The settings and the keys of the scores that take part.</param>
internal sealed record TensorImportance(
    string? BaseTensor,
    int? BaseSource,
    IReadOnlyList<int> Models,
    IReadOnlyList<int> Dropped,
    IReadOnlyList<int> Contributing,
    bool IsRelaxed,
    bool IsScaled,
    string KeyText);
