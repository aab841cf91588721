#if WITH_TORCH
using System.Runtime.CompilerServices;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Devices;

internal static class LibTorchIsLoaded
{
    [ModuleInitializer]
    internal static void BeforeAnyTest() => LibTorch.Load();
}
#endif
