namespace MergeTasks.Checkpoints.Configuration;

/// <summary>What a difference between two configurations does to a model with weights of both.</summary>
internal enum ConfigEffect
{
    /// <summary>Nothing to what the weights compute: limits, element types, training.</summary>
    None,

    /// <summary>Equal weights compute something else.</summary>
    Function,

    /// <summary>Equal shapes hold something else: rows belong to other heads or other labels.</summary>
    Meaning,
}

/// <summary>One difference between two configurations.</summary>
/// <param name="Key">What differs, as the first one writes it.</param>
/// <param name="First">Its value in the first, as JSON; <c>nothing</c> where it says nothing of it.</param>
/// <param name="Second">Its value in the second.</param>
/// <param name="Effect">What it does.</param>
internal sealed record ConfigDifference(string Key, string First, string Second, ConfigEffect Effect);
