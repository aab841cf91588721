using MergeTasks.Language.Declarations;

namespace MergeTasks.Merging.Inputs;

/// <summary>A model of a merge: what is said of it, and its tensors.</summary>
/// <param name="Declaration">What is said of it.</param>
/// <param name="Input">Its tensors.</param>
internal record OpenModel(ModelDeclaration Declaration, ModelInput Input);
