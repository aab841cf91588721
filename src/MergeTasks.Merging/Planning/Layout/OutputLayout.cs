using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Layout;

/// <summary>A source of a part of the output: a model with the settings that it has there. A model may be several sources.</summary>
/// <param name="Declaration">The model and its own settings.</param>
/// <param name="Input">Its tensors.</param>
/// <param name="IsBase">Whether the method uses it as the base.</param>
internal sealed record LayoutSource(ModelDeclaration Declaration, ModelInput Input, bool IsBase) : OpenModel(Declaration, Input);

/// <summary>A part of the output whose tensors have the same sources and settings: all of it, a slice, or a module.</summary>
/// <param name="Label">What it is, for tables and messages; empty for all of the output.</param>
/// <param name="Sources">The sources in order.</param>
/// <param name="Scopes">Settings that apply where a source has none of its own: the slice's, the module's, the merge's.</param>
internal sealed record LayoutPart(
    string Label, IReadOnlyList<LayoutSource> Sources, IReadOnlyList<IReadOnlyDictionary<string, Setting>> Scopes);

/// <summary>A tensor of the output: where it comes from and which settings decide it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Donor">The tensor that decides type and shape, and that is taken where nothing is merged.</param>
/// <param name="Part">The part that it belongs to.</param>
internal sealed record LayoutTensor(string Name, ModelTensor Donor, LayoutPart Part)
{
    /// <summary>Its stored type and shape in the donor, under its name in the output.</summary>
    public TensorSpec Stored => Donor.Model.Find(Donor.Tensor)! with { Name = Name };

    /// <summary>One per source of the part, in order; empty where the donor's is taken.</summary>
    public IReadOnlyList<ModelTensor> Sources { get; init; } = [];

    /// <summary>Where gradients are read: from 0 to 1.</summary>
    public double Position { get; init; }

    /// <summary>The stack and the layer of the output that it is part of.</summary>
    public (string Stack, int Layer)? Layer { get; init; }

    /// <summary>Whether it is copied byte for byte, being no floating-point weight but integers or a computed buffer.</summary>
    public bool IsCopied => !Stored.DType.IsFloatingPoint() || TensorNames.IsBuffer(Name);
}

/// <summary>Everything that an output's tensors are made from: whole models, slices and modules all become this.</summary>
/// <param name="Tensors">The tensors in the order of the model: before the layers, layers, after them.</param>
/// <param name="Config">The configuration that the output starts from, describing its layers.</param>
internal sealed record OutputLayout(IReadOnlyList<LayoutTensor> Tensors, ModelConfig Config)
{
    /// <summary>What the user should know and may well have meant.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>What the user should look into.</summary>
    public IReadOnlyList<Diagnostic> Warnings { get; init; } = [];
}
