//! Which instruction set the kernels use, decided once at run time.

use std::sync::OnceLock;

/// An instruction set that the kernels have a path for, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Portable code; the oracle for every other path.
    Scalar,
    /// x86-64 with AVX2, BMI and LZCNT.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ, VL and CD.
    Avx512,
}

impl Isa {
    /// The set in use: what `ARSENAL_FORCE_ISA` names, else the widest that this CPU has.
    ///
    /// A forced set that the CPU lacks, or an unknown name, is answered with the widest that the CPU has;
    /// [`Isa::forced_error`] says so, and the Python door turns that into an import error.
    pub fn active() -> Self {
        static ACTIVE: OnceLock<Isa> = OnceLock::new();
        *ACTIVE.get_or_init(|| {
            Self::from_request(std::env::var("ARSENAL_FORCE_ISA").ok().as_deref()).unwrap_or_else(|_| Self::detected())
        })
    }

    /// Why `ARSENAL_FORCE_ISA` could not be honoured, or `None`.
    pub fn forced_error() -> Option<String> {
        Self::from_request(std::env::var("ARSENAL_FORCE_ISA").ok().as_deref()).err()
    }

    /// The set's name as `ARSENAL_FORCE_ISA` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Every set that this CPU can run, narrowest first; tests loop over it.
    pub fn available() -> Vec<Self> {
        [Self::Scalar, Self::Avx2, Self::Avx512].into_iter().filter(|isa| *isa <= Self::detected()).collect()
    }

    fn from_request(request: Option<&str>) -> Result<Self, String> {
        let widest = Self::detected();
        let Some(request) = request.filter(|text| !text.is_empty()) else { return Ok(widest) };
        let wanted = match request {
            "scalar" => Self::Scalar,
            "avx2" => Self::Avx2,
            "avx512" => Self::Avx512,
            other => return Err(format!("ARSENAL_FORCE_ISA is {other:?}, wanted scalar, avx2 or avx512")),
        };
        if wanted > widest {
            return Err(format!("ARSENAL_FORCE_ISA asks for {request}, this CPU has {} at most", widest.name()));
        }
        Ok(wanted)
    }

    #[cfg(target_arch = "x86_64")]
    fn detected() -> Self {
        let avx2 =
            is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("lzcnt");
        let avx512 = avx2
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512cd");
        match (avx2, avx512) {
            (_, true) => Self::Avx512,
            (true, false) => Self::Avx2,
            (false, false) => Self::Scalar,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn detected() -> Self {
        Self::Scalar
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_honoured_or_explained() {
        assert_eq!(Isa::from_request(Some("scalar")), Ok(Isa::Scalar));
        assert_eq!(Isa::from_request(None), Ok(Isa::detected()));
        assert_eq!(Isa::from_request(Some("")), Ok(Isa::detected()));
        let error = Isa::from_request(Some("sse9")).unwrap_err();
        assert!(error.contains("sse9") && error.contains("avx512"), "{error}");
    }

    #[test]
    fn available_starts_with_scalar_and_ends_with_the_widest() {
        let all = Isa::available();
        assert_eq!(all.first(), Some(&Isa::Scalar));
        assert_eq!(all.last(), Some(&Isa::detected()));
        assert!(all.iter().all(|isa| Isa::from_request(Some(isa.name())) == Ok(*isa)));
    }
}
