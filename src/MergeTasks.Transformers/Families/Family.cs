using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Configuration;

namespace MergeTasks.Transformers.Families;

/// <summary>One model family: the translation of its configuration into shared blocks. It holds no arithmetic.</summary>
internal abstract class Family
{
    /// <summary>The value of <c>model_type</c>.</summary>
    public abstract string ModelType { get; }

    /// <summary>Other names that the family's configuration class has for some keys, and the key that each of them means.</summary>
    protected virtual IReadOnlyDictionary<string, string> OtherNames => new Dictionary<string, string>();

    /// <summary>Describes the model that a configuration means.</summary>
    /// <exception cref="ModelException">A field has a value that the engine does not compute.</exception>
    public abstract TransformerSpec Describe(ConfigReader config);
}
