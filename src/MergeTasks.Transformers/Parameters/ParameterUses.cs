namespace MergeTasks.Transformers.Parameters;

/// <summary>How many blocks of a model use a parameter, each of which forms a gradient of it.</summary>
internal sealed class ParameterUses
{
    /// <summary>The number; complete when the model is bound.</summary>
    public int Count { get; set; }
}
