using MergeTasks.Methods.Contract;

namespace MergeTasks.CrashHost;

/// <summary>A method of another assembly, for tests that read such ones.</summary>
public sealed class HalvesMethod : MergeMethod
{
    /// <inheritdoc/>
    public override string Name => "halves";

    /// <inheritdoc/>
    public override string Summary => "Halves the first model.";

    /// <inheritdoc/>
    public override string Source => "tests";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters => [];

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) => new Halving();

    private sealed class Halving : TensorMerge
    {
        public override void Merge(MergeBlock block)
        {
            var values = block.Load(0, 0);
            for (var i = 0; i < values.Length; i++)
                block.Output[i] = values[i] / 2;
        }
    }
}
