using System.Numerics.Tensors;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>One model's parameters as they are, or multiplied by <c>scale</c>.</summary>
internal sealed class PassthroughMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "passthrough";

    /// <inheritdoc/>
    public override string Summary => "One model's parameters, unchanged or scaled.";

    /// <inheritdoc/>
    public override string Source => "https://github.com/arcee-ai/mergekit (documented behaviour)";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new("scale", 1, "Factor for every parameter.") { PerModel = true },
    ];

    /// <inheritdoc/>
    public override int MaxModels => 1;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) => new Merging(context);

    private sealed class Merging(TensorContext context) : TensorMerge
    {
        private readonly float _scale = (float)context.Inputs[0]["scale"];

        public override int? CopyOf => _scale == 1 ? 0 : null;

        public override void Merge(MergeBlock block)
        {
            TensorPrimitives.Multiply(block.Load(0, 0), _scale, block.Output);
            context.Round(block.Output);
        }
    }
}
